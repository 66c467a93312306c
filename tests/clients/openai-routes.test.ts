// The official SDK, unmodified, on the routes beside chat, in front of the simulator.
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { callRows } from '../support/ledger-rows.ts'
import { errorOf, model, simulated } from '../support/openai-sdk.ts'

const { open } = simulated()
const embedder = 'bge-small-en'
const prompt = 'The capital of France is'

describe('a completion', () => {
  test('whole, of the default length where none is named', async () => {
    await using scene = await open()
    const { data, request_id } = await scene.client.completions
      .create({ model, prompt, seed: 7 })
      .withResponse()
    expect(data.object).toBe('text_completion')
    expect(data.model).toBe(model)
    expect(data.choices).toHaveLength(1)
    expect(data.usage?.completion_tokens).toBeLessThanOrEqual(16)
    expect(request_id).toMatch(/^req_/)
    expect(callRows(scene.gateway.ledgerPath)).toMatchObject([
      { request_id, surface: 'openai-completions', outcome: 'ok', usage_source: 'reported' },
    ])
  })

  test('whole, of several prompts with several choices each', async () => {
    await using scene = await open()
    const answer = await scene.client.completions.create({
      model,
      prompt: ['One plus one is', 'The sky is'],
      n: 2,
      max_tokens: 4,
    })
    expect(answer.choices.map(({ index }) => index)).toEqual([0, 1, 2, 3])
    expect(answer.usage?.completion_tokens).toBe(16)
  })

  test('whole, of token ids, echoed with logprobs', async () => {
    await using scene = await open()
    const asked = { model, prompt: [504, 3575, 282], max_tokens: 4, echo: true, logprobs: 2 }
    const [choice] = (await scene.client.completions.create(asked)).choices
    expect(choice?.text.length).toBeGreaterThan(4)
    expect(choice?.logprobs?.tokens?.length).toBeGreaterThan(0)
  })

  test('streamed, several prompts in one stream, usage at its end', async () => {
    await using scene = await open()
    const stream = await scene.client.completions.create({
      model,
      prompt: ['One plus one is', 'The sky is'],
      max_tokens: 6,
      stream: true,
      stream_options: { include_usage: true },
    })
    const texts = ['', '']
    const finishes = new Map<number, string>()
    let usage: OpenAI.CompletionUsage | undefined
    for await (const { choices, usage: counted, model: answered } of stream) {
      expect(answered).toBe(model)
      usage = counted ?? usage
      for (const { index, text, finish_reason } of choices) {
        texts[index] += text
        if (finish_reason) finishes.set(index, finish_reason)
      }
    }
    expect([...finishes.values()]).toEqual(['length', 'length'])
    for (const text of texts) expect(text.length).toBeGreaterThan(2)
    expect(usage?.completion_tokens).toBe(12)
    expect(callRows(scene.gateway.ledgerPath)).toMatchObject([
      { outcome: 'ok', stream: 1, completion_tokens: 12, usage_source: 'reported' },
    ])
  })

  test('streamed, and left in the middle', async () => {
    await using scene = await open()
    const stream = await scene.client.completions.create({
      model,
      // It goes silent, so that it cannot have ended before the client leaves.
      prompt: '[[sim:stall-after=3]] Once upon a time',
      max_tokens: 50,
      stream: true,
    })
    for await (const _ of stream) break
    const line = await scene.gateway.logged({ event: 'call', outcome: 'client_gone' })
    expect(line).toMatchObject({ surface: 'openai-completions', stream: true })
  })

  test('refused, with the parameter that is wrong', async () => {
    await using scene = await open()
    const error = await errorOf(
      scene.client.completions.create({ model, prompt: '', max_tokens: 4 }),
    )
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error).toMatchObject({ param: 'prompt', type: 'invalid_request_error' })
  })
})

describe('embeddings', () => {
  test('in base64, which the SDK asks for and unpacks on its own', async () => {
    await using scene = await open()
    const answer = await scene.client.embeddings.create({ model: embedder, input: 'Hello' })
    const vector = answer.data[0]?.embedding ?? []
    expect(vector).toHaveLength(384)
    expect(lengthOf(vector)).toBeCloseTo(1, 3)
    expect(answer.usage).toEqual({
      prompt_tokens: expect.any(Number),
      total_tokens: expect.any(Number),
    })
    expect(answer.model).toBe(embedder)
    expect(callRows(scene.gateway.ledgerPath)).toMatchObject([
      { surface: 'embeddings', outcome: 'ok', completion_tokens: 0 },
    ])
  })

  test('as floats are the same numbers', async () => {
    await using scene = await open()
    const asked = { model: embedder, input: 'Hello' }
    const packed = await scene.client.embeddings.create(asked)
    const floats = await scene.client.embeddings.create({ ...asked, encoding_format: 'float' })
    expect(floats.data[0]?.embedding).toHaveLength(384)
    for (const [at, value] of (floats.data[0]?.embedding ?? []).entries()) {
      expect(packed.data[0]?.embedding[at]).toBeCloseTo(value, 5)
    }
  })

  test.each([
    ['texts', ['a', 'b', 'c'], 3],
    ['token ids', [1, 2, 3], 1],
    ['lists of token ids', [[1, 2], [3]], 2],
  ])('of %s, with dimensions', async (_what, input, vectors) => {
    await using scene = await open()
    const answer = await scene.client.embeddings.create({ model: embedder, input, dimensions: 32 })
    expect(answer.data.map(({ index }) => index)).toEqual([...Array(vectors).keys()])
    for (const { embedding } of answer.data) expect(embedding).toHaveLength(32)
  })

  test('of a model that writes is refused', async () => {
    await using scene = await open()
    const error = await errorOf(scene.client.embeddings.create({ model, input: 'Hello' }))
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error).toMatchObject({ param: 'model' })
  })
})

test('models are listed, and found one by one', async () => {
  await using scene = await open()
  const ids: string[] = []
  for await (const { id } of scene.client.models.list()) ids.push(id)
  expect(ids).toContain(embedder)
  for (const id of ids) {
    const found = await scene.client.models.retrieve(id)
    expect(found).toMatchObject({ id, object: 'model' })
  }
})

function lengthOf(vector: readonly number[]): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
}
