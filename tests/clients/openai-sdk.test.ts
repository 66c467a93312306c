// The official SDK, unmodified, chats with a gateway in front of the simulator: whole answers,
// streams, tools, and clients that leave.
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { callRows } from '../support/ledger-rows.ts'
import { errorOf, messages, model, saying, simulated } from '../support/openai-sdk.ts'
import { until } from '../support/until.ts'

const { open, endpoint } = simulated()

describe('a chat', () => {
  test('whole', async () => {
    await using scene = await open()
    const { client, gateway } = scene
    const { data, response, request_id } = await client.chat.completions
      .create({ model, messages, max_tokens: 20 })
      .withResponse()
    expect(data.model).toBe(model)
    expect(data.choices[0]?.message.content?.length).toBeGreaterThan(10)
    expect(data.choices[0]?.finish_reason).toBe('length')
    expect(data.usage).toMatchObject({ completion_tokens: 20 })
    expect(request_id).toMatch(/^req_[0-9a-f]+$/)
    expect(response.headers.get('x-podgate-model')).toBe(model)
    expect(response.headers.get('x-podgate-deployment')).toBe('qwen2-7b-runpod')
    expect(response.headers.get('x-podgate-transport')).toBe('runpod-openai')
    expect(response.headers.get('x-ratelimit-remaining-requests')).toMatch(/^\d+$/)
    expect(callRows(gateway.ledgerPath)).toMatchObject([
      { request_id, outcome: 'ok', completion_tokens: 20, usage_source: 'reported' },
    ])
  })

  test('whole, with the id to ask about', async () => {
    await using scene = await open()
    const answer = await scene.client.chat.completions.create({ model, messages, max_tokens: 2 })
    const [row] = callRows(scene.gateway.ledgerPath)
    expect(answer._request_id).toBe(row?.request_id)
  })

  test('streamed, without usage when it was not asked for', async () => {
    await using scene = await open()
    const { data: stream, request_id } = await scene.client.chat.completions
      .create({ model, messages, max_tokens: 20, stream: true })
      .withResponse()
    let text = ''
    let finish: string | null = null
    for await (const chunk of stream) {
      expect(chunk.model).toBe(model)
      expect(chunk.usage ?? null).toBeNull()
      text += chunk.choices[0]?.delta.content ?? ''
      finish = chunk.choices[0]?.finish_reason ?? finish
    }
    expect(text.length).toBeGreaterThan(10)
    expect(finish).toBe('length')
    expect(callRows(scene.gateway.ledgerPath)).toMatchObject([
      { request_id, outcome: 'ok', completion_tokens: 20, usage_source: 'reported' },
    ])
  })

  test('streamed, with usage in a last chunk of its own', async () => {
    await using scene = await open()
    const stream = await scene.client.chat.completions.create({
      model,
      messages,
      max_tokens: 7,
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = await allOf(stream)
    const last = chunks.pop()
    expect(last).toMatchObject({ choices: [], usage: { completion_tokens: 7 } })
    for (const chunk of chunks) expect(chunk.usage).toBeNull()
  })

  test('streamed, through the SDK’s own gathering of chunks', async () => {
    await using scene = await open()
    const runner = scene.client.chat.completions.stream({ model, messages, max_tokens: 9 })
    const { choices } = await runner.finalChatCompletion()
    expect(choices[0]?.message.content?.length).toBeGreaterThan(5)
    expect(choices[0]?.message.content).toBe(await runner.finalContent())
  })

  test('aborted mid-stream frees the upstream', async () => {
    await using scene = await open()
    const { client, gateway } = scene
    const stream = await client.chat.completions.create({
      model,
      messages: saying('Wait [[sim:stall-after=3]]'),
      stream: true,
    })
    const iterator = stream[Symbol.asyncIterator]()
    for (let seen = 0; seen < 3; seen += 1) await iterator.next()
    expect((await endpoint()).openConnections).toBe(1)
    const leftAtMs = performance.now()
    stream.controller.abort()
    await gateway.logged({ event: 'call', outcome: 'client_gone' })
    await until('it is closed', async () => (await endpoint()).openConnections === 0)
    expect(performance.now() - leftAtMs).toBeLessThan(1_000)
    const [row] = callRows(gateway.ledgerPath)
    expect(row).toMatchObject({ outcome: 'client_gone', usage_source: 'running' })
    expect(row?.completion_tokens).toBeGreaterThan(0)
  })

  test('aborted before it is answered frees the upstream', async () => {
    await using scene = await open()
    const { client, gateway } = scene
    const controller = new AbortController()
    const asked = { model, messages: saying('Wait [[sim:never]]') }
    const answer = errorOf(client.chat.completions.create(asked, { signal: controller.signal }))
    await until('it is open', async () => (await endpoint()).openConnections > 0)
    controller.abort()
    expect(await answer).toBeInstanceOf(OpenAI.APIUserAbortError)
    await gateway.logged({ event: 'call', outcome: 'client_gone', status: 499 })
    await until('it is closed', async () => (await endpoint()).openConnections === 0)
  })

  test('a cut stream is an error and not a short answer', async () => {
    await using scene = await open()
    const asked = { model, messages: saying('Go [[sim:cut-after=3]]'), stream: true as const }
    const stream = await scene.client.chat.completions.create(asked)
    const error = await errorOf(allOf(stream))
    expect(error).toMatchObject({ code: 'upstream_cut', type: 'upstream_error' })
  })
})

const tool = {
  type: 'function' as const,
  function: {
    name: 'weather',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer' } },
      required: ['city', 'days'],
      additionalProperties: false,
    },
  },
}

describe.each(['runpod', 'engine'] as const)('through a %s is passed', (reached) => {
  test.each([true, false])('a required tool call (stream: %s)', async (isStream) => {
    await using scene = await open(reached)
    const asked = { model, messages, tools: [tool], tool_choice: 'required' as const }
    const { completions } = scene.client.chat
    const { choices } = isStream
      ? await completions.stream(asked).finalChatCompletion()
      : await completions.create(asked)
    const [call] = choices[0]?.message.tool_calls ?? []
    if (call?.type !== 'function') throw new Error('no tool call came back')
    expect(call.function.name).toBe('weather')
    const given = JSON.parse(call.function.arguments)
    expect(given).toEqual({ city: expect.any(String), days: expect.any(Number) })
  })

  test('a response format', async () => {
    await using scene = await open(reached)
    const { choices } = await scene.client.chat.completions.create({
      model,
      messages,
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'place', schema: tool.function.parameters },
      },
    })
    const place = JSON.parse(choices[0]?.message.content ?? '')
    expect(place).toEqual({ city: expect.any(String), days: expect.any(Number) })
  })

  test.each([true, false])('several choices (stream: %s)', async (isStream) => {
    await using scene = await open(reached)
    const asked = { model, messages, n: 2, max_tokens: 5 }
    const { completions } = scene.client.chat
    const { choices } = isStream
      ? await completions.stream(asked).finalChatCompletion()
      : await completions.create(asked)
    expect(choices.map(({ index }) => index)).toEqual([0, 1])
    for (const { message } of choices) expect(message.content?.length).toBeGreaterThan(0)
    expect(callRows(scene.gateway.ledgerPath)).toMatchObject([{ completion_tokens: 10 }])
  })

  test('log probabilities', async () => {
    await using scene = await open(reached)
    const asked = { model, messages, max_tokens: 4, logprobs: true, top_logprobs: 2 }
    const { choices } = await scene.client.chat.completions.create(asked)
    const content = choices[0]?.logprobs?.content ?? []
    expect(content).toHaveLength(4)
    expect(content[0]?.top_logprobs).toHaveLength(2)
  })
})

test('models are listed and retrieved, and no worker is asked for it', async () => {
  await using scene = await open()
  const before = await endpoint()
  const { data } = await scene.client.models.list()
  expect(data.map(({ id }) => id).sort()).toEqual([
    'bge-small-en',
    'mixtral-8x22b-instruct',
    'phi-2',
    'qwen2-7b-career',
  ])
  const one = await scene.client.models.retrieve(model)
  expect(one).toMatchObject({ id: model, object: 'model', owned_by: 'qwen' })
  expect(one.created).toBeGreaterThan(1_600_000_000)
  const error = await errorOf(scene.client.models.retrieve('gpt-unknown'))
  expect(error).toBeInstanceOf(OpenAI.NotFoundError)
  expect((await endpoint()).callsSeen).toBe(before.callsSeen)
})

async function allOf<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of stream) all.push(one)
  return all
}
