// The official SDK, unmodified, asks a gateway in front of the simulator. Each failure must reach
// the client as the right error class, and the SDK must retry only what a retry can help.
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { callRows } from '../support/ledger-rows.ts'
import { errorOf, messages, model, saying, simulated } from '../support/openai-sdk.ts'

const { open, control } = simulated()

const url = 'data:image/png;base64,iVBORw0KGgo='
const image = { type: 'image_url' as const, image_url: { url } }

describe('an error is of its type:', () => {
  const asked = { model, messages }

  test('a wrong key', async () => {
    await using scene = await open()
    const client = scene.client.withOptions({ apiKey: 'wrong-key-0123456789' })
    const error = await errorOf(client.chat.completions.create(asked))
    expect(error).toBeInstanceOf(OpenAI.AuthenticationError)
    expect(error).toMatchObject({ status: 401, code: 'invalid_api_key' })
    expect(error.requestID).toMatch(/^req_/)
  })

  test('an unknown model', async () => {
    await using scene = await open()
    const error = await errorOf(
      scene.client.chat.completions.create({ ...asked, model: 'gpt-unknown' }),
    )
    expect(error).toBeInstanceOf(OpenAI.NotFoundError)
    expect(error).toMatchObject({ code: 'model_not_found', param: 'model' })
  })

  test.each([
    ['temperature', { temperature: 9 }],
    ['n', { n: 0 }],
    ['max_tokens', { max_tokens: -1 }],
    ['messages', { messages: [] }],
    ['tool_choice', { tool_choice: 'required' as const }],
    ['n', { n: 2, temperature: 0 }],
    ['messages[0].role', { messages: [{ role: 'wizard', content: 'Hi' } as never] }],
    ['messages[0].content[0]', { messages: [{ role: 'user' as const, content: [image] }] }],
  ])('a bad parameter, %s', async (param, extra) => {
    await using scene = await open()
    const error = await errorOf(scene.client.chat.completions.create({ ...asked, ...extra }))
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error).toMatchObject({ param, type: 'invalid_request_error' })
  })

  /** On RunPod's route a server's reason is lost; phi-2 is so small that it is not even asked. */
  test.each([
    ['found by the server', 'engine', model],
    ['found by the server on RunPod’s route', 'runpod', model],
    ['found before it is sent', 'runpod', 'phi-2'],
  ] as const)('a text that is too long, %s', async (_how, reached, name) => {
    await using scene = await open(reached)
    const { chat, completions } = scene.client
    const text = 'one more ladder '.repeat(20_000)
    const long = { model: name, messages: saying(text) }
    const asked: [string, () => Promise<unknown>][] = [
      ['messages', () => chat.completions.create(long)],
      ['messages', () => chat.completions.create({ ...long, stream: true })],
      ['prompt', () => completions.create({ model: name, prompt: ['Hi', text] })],
    ]
    for (const [param, ask] of asked) {
      const error = await errorOf(ask())
      expect(error).toBeInstanceOf(OpenAI.BadRequestError)
      expect(error).toMatchObject({ status: 400, param, code: 'context_length_exceeded' })
      expect(error.message).toMatch(/maximum context length is (32768|2048) tokens/)
      expect(error.message).not.toContain('ladder')
    }
  })

  test('an input that is too long, on RunPod’s route', async () => {
    await using scene = await open()
    const input = ['Hi', 'one more ladder '.repeat(600)]
    const error = await errorOf(scene.client.embeddings.create({ model: 'bge-small-en', input }))
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error).toMatchObject({ param: 'input', code: 'context_length_exceeded' })
  })

  test('a job that failed on a short text, on RunPod’s route', async () => {
    await using scene = await open()
    const failing = { model, messages: saying('Hello [[sim:engine-dies-after=1]]') }
    const error = await errorOf(scene.client.chat.completions.create(failing))
    expect(error).toBeInstanceOf(OpenAI.InternalServerError)
    expect(error).toMatchObject({ status: 502, code: 'upstream_bad_answer' })
    expect(error.message).toContain('failed this request: it may be too long')
  })

  test('a model that stays full', async () => {
    await using scene = await open('runpod', { routing: { fullWaitMs: 500, busyPauseMs: 20 } })
    const full = { model, messages: saying('Hello [[sim:status=429]]') }
    const error = await errorOf(scene.client.chat.completions.create(full))
    expect(error).toBeInstanceOf(OpenAI.RateLimitError)
    expect(error).toMatchObject({ status: 429, type: 'overloaded', code: 'capacity' })
    expect(Number(error.headers?.get('retry-after'))).toBeGreaterThanOrEqual(1)
  })

  test('a model that lacks the route', async () => {
    await using scene = await open()
    const error = await errorOf(
      scene.client.chat.completions.create({ ...asked, model: 'bge-small-en' }),
    )
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error).toMatchObject({ param: 'model' })
  })

  test('malformed JSON', async () => {
    await using scene = await open()
    const response = await scene.gateway.post('{"model": ')
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      error: { type: 'invalid_request_error', code: 'invalid_json', param: null },
    })
  })

  test('a failure of the upstream', async () => {
    await using scene = await open()
    const failing = { model, messages: saying('[[sim:status=500]]') }
    const error = await errorOf(scene.client.chat.completions.create(failing))
    expect(error).toBeInstanceOf(OpenAI.InternalServerError)
    expect(error).toMatchObject({ status: 502, type: 'upstream_error' })
  })
})

describe('the SDK’s retries', () => {
  test('do not repeat what a repeat cannot help', async () => {
    await using scene = await open()
    const client = scene.client.withOptions({ maxRetries: 3 })
    const bad = { model, messages: saying('[[sim:status=401]]') }
    const error = await errorOf(client.chat.completions.create(bad))
    expect(error).toMatchObject({ status: 502, code: 'upstream_credentials' })
    expect(error.headers?.get('x-should-retry')).toBe('false')
    expect(callRows(scene.gateway.ledgerPath)).toHaveLength(1)
  })

  test('repeat a failure of the upstream, as often as they were told', async () => {
    await using scene = await open()
    const fault = { match: { endpoint: 'sim-qwen' }, fault: 'status=500', times: 1 }
    await control('POST', 'faults', fault)
    const client = scene.client.withOptions({ maxRetries: 1 })
    const { choices } = await client.chat.completions.create({ model, messages, max_tokens: 3 })
    expect(choices).toHaveLength(1)
    const outcomes = callRows(scene.gateway.ledgerPath).map(({ outcome }) => outcome)
    expect(outcomes).toEqual(['failed', 'ok'])
  })
})
