// The simulated provider over HTTP: it has a key of its own, answers and refuses in OpenAI's
// words, and starts no worker.
import { describe, expect, test } from 'vitest'
import { readAnswer, readTorn } from '../support/events.ts'
import { runSimulator } from '../support/running.ts'
import { providerCalls } from './provider-calls.ts'

const simulator = runSimulator({ speed: 200 })
const { post, get, errorOf } = providerCalls(simulator)
const model = 'microsoft/phi-2'
const messages = [{ role: 'user', content: 'Hello' }]

describe('the key', () => {
  const send = (headers: Record<string, string>) =>
    fetch(`${simulator.url()}/provider/openai/v1/models`, { headers })

  test.each([
    ['none', {}],
    ['one without Bearer', { authorization: 'sim-provider-key' }],
  ])('%s is a 401 that asks for one', async (_, headers) => {
    const answer = await send(headers)
    expect(answer.status).toBe(401)
    expect(await errorOf(answer)).toMatchObject({ type: 'invalid_request_error', code: null })
    expect(answer.headers.get('www-authenticate')).toContain('Bearer')
  })

  test.each([
    ['RunPod’s', 'sim-key'],
    ['another', 'sk-proj-abcdefghijkl1234'],
  ])('%s is a 401 with a code, and is not repeated in full', async (_, key) => {
    const answer = await send({ authorization: `Bearer ${key}` })
    expect(answer.status).toBe(401)
    const text = await answer.text()
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'invalid_api_key', param: null } })
    expect(text).not.toContain(key)
  })

  test('is nothing that RunPod’s doors take', async () => {
    const headers = { authorization: 'Bearer sim-provider-key' }
    const answer = await simulator.call('/v2/sim-phi/health', undefined, { headers })
    expect(answer.status).toBe(401)
  })
})

describe('a chat', () => {
  test('is answered whole as OpenAI does, without a member of vLLM’s', async () => {
    const answer = await post('chat/completions', { model, messages, max_tokens: 5 })
    expect(answer.status).toBe(200)
    const body = await answer.json()
    expect(body).toEqual({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      created: expect.any(Number),
      model,
      service_tier: 'default',
      system_fingerprint: expect.stringMatching(/^fp_/),
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: expect.any(String),
            refusal: null,
            annotations: [],
          },
          logprobs: null,
          finish_reason: 'length',
        },
      ],
      usage: expect.objectContaining({ completion_tokens: 5 }),
    })
  })

  test('is streamed, each event with a null usage and the last with the count', async () => {
    const asked = { model, messages, max_tokens: 7, stream: true }
    const answer = await post('chat/completions', {
      ...asked,
      stream_options: { include_usage: true },
    })
    expect(answer.headers.get('content-type')).toContain('text/event-stream')
    const text = await answer.text()
    expect(readAnswer(text)).toMatchObject({
      contents: 7,
      finish: 'length',
      isDone: true,
      usage: { completion_tokens: 7 },
    })
    expect(text.match(/"usage":null/g)?.length).toBeGreaterThan(6)
    expect(text).not.toMatch(/prompt_token_ids|stop_reason|token_ids/)
  })

  test('has no usage in its stream that nobody asked for', async () => {
    const answer = await post('chat/completions', { model, messages, stream: true, max_tokens: 2 })
    expect(await answer.text()).not.toContain('usage')
  })
})

test('completions are answered whole and streamed', async () => {
  const asked = { model, prompt: 'Once', max_tokens: 4 }
  const whole = await post('completions', asked)
  expect(await whole.json()).toMatchObject({
    object: 'text_completion',
    choices: [{ finish_reason: 'length' }],
    usage: { completion_tokens: 4 },
  })
  const text = await (await post('completions', { ...asked, stream: true })).text()
  expect(text).toContain('"finish_reason":"length"')
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
})

test('headers are its own, and count what is left', async () => {
  const left = async () => {
    const { headers } = await post('chat/completions', { model, messages, max_tokens: 1 })
    expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/)
    expect(headers.get('openai-processing-ms')).toMatch(/^\d+$/)
    expect(headers.get('openai-version')).toBe('2020-10-01')
    expect(headers.get('x-ratelimit-reset-tokens')).toMatch(/^\d+s$/)
    return Number(headers.get('x-ratelimit-remaining-requests'))
  }
  const before = await left()
  expect(await left()).toBe(before - 1)
})

describe('models', () => {
  test('are those that the endpoints serve as text, once each', async () => {
    const { data } = (await (await get('models')).json()) as { data: { id: string }[] }
    expect(data.map(({ id }) => id)).toEqual([
      'mistralai/Mixtral-8x22B-Instruct-v0.1',
      'Qwen/Qwen2-7B-Instruct',
      'microsoft/phi-2',
    ])
  })

  test.each(['microsoft/phi-2', 'microsoft%2Fphi-2'])('one is found as %s', async (id) => {
    expect(await (await get(`models/${id}`)).json()).toMatchObject({ id: model, object: 'model' })
  })

  test('one that is not there is a 404', async () => {
    const answer = await get('models/%ZZ')
    expect(answer.status).toBe(404)
    expect(await errorOf(answer)).toMatchObject({ code: 'model_not_found' })
  })
})

describe('refusals in OpenAI’s words', () => {
  const chat = { model, messages }
  test.each([
    [{ ...chat, top_k: 5 }, 400, { message: 'Unrecognized request argument supplied: top_k' }],
    [
      { ...chat, min_p: 0.1, guided_json: {} },
      400,
      { message: 'Unrecognized request arguments supplied: min_p, guided_json' },
    ],
    [
      { ...chat, stream: true, stream_options: { continuous_usage_stats: true } },
      400,
      { param: 'stream_options.continuous_usage_stats', code: 'unknown_parameter' },
    ],
    [{ messages }, 400, { message: 'you must provide a model parameter' }],
    [{ model }, 400, { param: 'messages', code: 'missing_required_parameter' }],
    [{ ...chat, model: 'nope' }, 404, { code: 'model_not_found' }],
    [{ ...chat, temperature: 9 }, 400, { param: 'temperature', code: null }],
    [{ ...chat, n: 'many' }, 400, { message: "Invalid value for 'n'.", param: 'n' }],
    [
      { ...chat, messages: [{ role: 'user', content: 'word '.repeat(4000) }] },
      400,
      { param: 'messages', code: 'context_length_exceeded' },
    ],
  ])('%j is %i', async (body, status, said) => {
    const answer = await post('chat/completions', body)
    expect(answer.status).toBe(status)
    const error = await errorOf(answer)
    expect(Object.keys(error)).toEqual(['message', 'type', 'param', 'code'])
    expect(error).toMatchObject({ type: 'invalid_request_error', ...said })
    expect(error.message).not.toMatch(/parameter=|validation error/)
  })

  test('what is no JSON, no path, no method', async () => {
    const text = await post('chat/completions', '{"model":')
    expect([text.status, (await errorOf(text)).type]).toEqual([400, 'invalid_request_error'])
    const path = await post('embeddings', { model, input: 'x' })
    expect([path.status, (await errorOf(path)).message]).toEqual([
      404,
      'Invalid URL (POST /v1/embeddings)',
    ])
    const method = await get('completions')
    expect([method.status, (await errorOf(method)).code]).toEqual([405, 'method_not_supported'])
  })
})

test('it is no endpoint, costs nothing and starts no worker', async () => {
  const before = await simulator.state()
  await (await post('chat/completions', { model, messages, max_tokens: 3 })).text()
  const after = await simulator.state()
  expect(after.endpoints).toEqual(before.endpoints)
  expect(after.usd).toBe(0)
  expect(after.provider.callsSeen).toBe(before.provider.callsSeen + 1)
  expect(after.provider.generatedTokens).toBe(before.provider.generatedTokens + 3)
})

test('a client that leaves stops its generation', async () => {
  const asked = { model: 'Qwen/Qwen2-7B-Instruct', stream: true }
  const content = '[[sim:tokens=20000]]'
  const before = (await simulator.state()).provider.aborted
  const answer = await post('chat/completions', {
    ...asked,
    messages: [{ role: 'user', content }],
  })
  await answer.body?.cancel()
  await expect
    .poll(async () => (await simulator.state()).provider)
    .toMatchObject({ aborted: before + 1, running: 0, openConnections: 0 })
})

test('a torn stream is torn', async () => {
  const content = '[[sim:cut-after=3]]'
  const asked = { model, stream: true, messages: [{ role: 'user', content }] }
  const { text, torn } = await readTorn(await post('chat/completions', asked))
  expect([readAnswer(text).contents, torn]).toEqual([3, true])
})
