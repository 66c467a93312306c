// The routes beside chat, through a whole gateway: what reaches the upstream, what comes back, and
// that the promises hold there too.
import { describe, expect, test } from 'vitest'
import { eventsOf } from '../support/client-call.ts'
import { attemptRows, callRows } from '../support/ledger-rows.ts'
import {
  allSurfaces,
  completionChunk,
  completionUsage,
  goodCompletion,
  wholeCompletion,
  wholeEmbeddings,
} from '../support/route-answers.ts'
import {
  answerWhole,
  beginStream,
  done,
  type Script,
  startUpstream,
  usageOf,
} from '../support/scripted-upstream.ts'
import { chat, kinds, modelAt, startTestGateway } from '../support/test-gateway.ts'

const completions = '/v1/completions'
const embeddings = '/v1/embeddings'
const once = { model: 'test-model', prompt: 'The capital of France is' }
const asked = { include_usage: true }

async function scene(script: Script, more = {}, kind: (typeof kinds)[number] = kinds[0]) {
  const upstream = await startUpstream(script)
  const given = { baseUrl: upstream.url, kind }
  const models = [{ ...modelAt(given), surfaces: allSurfaces, ...more }]
  const gateway = await startTestGateway({ ...given, models })
  return {
    upstream,
    gateway,
    bodies: () => upstream.calls.map(({ body }) => JSON.parse(body)),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
}

describe.each(kinds)('completions in front of %s', (kind) => {
  test('a whole answer is OpenAI’s, of the model that was asked for', async () => {
    await using at = await scene((call) => answerWhole(call, wholeCompletion([' Paris'])), {}, kind)
    const response = await at.gateway.post(once, {}, completions)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      object: 'text_completion',
      model: 'test-model',
      choices: [{ index: 0, text: ' Paris', finish_reason: 'length', logprobs: null }],
      usage: usageOf(8, 1),
    })
    expect(at.upstream.calls[0]?.request.url).toMatch(/\/v1\/completions$/)
    expect(at.bodies()).toEqual([
      { model: 'served/model', prompt: 'The capital of France is', max_tokens: 16 },
    ])
    expect(callRows(at.gateway.ledgerPath)).toMatchObject([
      { surface: 'openai-completions', outcome: 'ok', prompt_tokens: 8, completion_tokens: 1 },
    ])
  })

  test('several prompts interleave in one stream, each choice with its index', async () => {
    await using at = await scene(
      (call) => {
        beginStream(call)
        const end = { finish_reason: 'length' }
        call.response.end(
          [
            completionChunk(0, 'a', {}, { usage: usageOf(3, 1) }),
            completionChunk(1, 'b', {}, { usage: usageOf(5, 1) }),
            completionChunk(1, 'B', end, { usage: usageOf(5, 2) }),
            completionChunk(0, 'A', end, { usage: usageOf(3, 2) }),
            completionUsage(8, 4),
            done,
          ].join(''),
        )
      },
      {},
      kind,
    )
    const body = { ...once, prompt: ['One', 'Two'], stream: true, stream_options: asked }
    const response = await at.gateway.post(body, {}, completions)
    const { events, isDone } = eventsOf(await response.text())
    expect(isDone).toBe(true)
    expect(textsOf(events)).toEqual(['aA', 'bB'])
    expect(events.filter((event) => 'usage' in event)).toHaveLength(1)
    expect(events.at(-1)).toMatchObject({ choices: [], usage: usageOf(8, 4) })
    expect(at.bodies()[0].stream_options).toEqual({ ...asked, continuous_usage_stats: true })
    expect(callRows(at.gateway.ledgerPath)).toMatchObject([
      { stream: 1, prompt_tokens: 8, completion_tokens: 4, usage_source: 'reported' },
    ])
  })

  test('a stream that ends before every prompt is answered is an error', async () => {
    await using at = await scene(
      (call) => {
        beginStream(call)
        call.response.end(completionChunk(0, 'a', { finish_reason: 'stop' }) + done)
      },
      {},
      kind,
    )
    const body = { ...once, prompt: ['One', 'Two'], stream: true }
    const { events, isDone } = eventsOf(await (await at.gateway.post(body, {}, completions)).text())
    expect(isDone).toBe(false)
    expect(events.at(-1)).toMatchObject({ error: { code: 'upstream_cut' } })
  })

  test('a client that leaves mid-stream stops the work and pays for what it got', async () => {
    await using at = await scene(() => {}, {}, kind)
    const client = at.gateway.open(
      { ...once, prompt: ['One', 'Two'], stream: true },
      {},
      completions,
    )
    const call = await at.upstream.nextCall()
    beginStream(call)
    call.response.write(completionChunk(0, 'a', {}, { usage: usageOf(3, 1) }))
    call.response.write(completionChunk(1, 'b', {}, { usage: usageOf(5, 2) }))
    await client.seen('"b"')
    client.leave('reset')
    await call.closed
    await at.gateway.logged({ event: 'call', outcome: 'client_gone' })
    expect(callRows(at.gateway.ledgerPath)).toMatchObject([
      { outcome: 'client_gone', prompt_tokens: 8, completion_tokens: 3, usage_source: 'running' },
    ])
  })

  test('a whole answer that gives up on a choice that nobody asked for is a 502', async () => {
    const given = wholeCompletion([' Paris', ' Rome'])
    const abandoned = given.replace(/length(?!.*length)/, 'abort')
    await using at = await scene((call) => answerWhole(call, abandoned), {}, kind)
    const response = await at.gateway.post(once, {}, completions)
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ error: { type: 'upstream_error' } })
  })

  test('a dying engine’s error is one error event, whatever it says after it', async () => {
    await using at = await scene(
      (call) => {
        beginStream(call)
        const words = { error: { message: 'EngineCore', type: 'InternalServerError', code: 500 } }
        const death = `data: ${JSON.stringify(words)}\n\n`
        call.response.end(completionChunk(0, 'a') + death + done)
      },
      {},
      kind,
    )
    const response = await at.gateway.post({ ...once, stream: true }, {}, completions)
    const { events, isDone } = eventsOf(await response.text())
    expect(isDone).toBe(false)
    expect(events).toHaveLength(2)
    expect(events[1]).toMatchObject({ error: { code: 'upstream_bad_answer' } })
  })

  test('a connection that breaks after the last choice took nothing', async () => {
    await using at = await scene(
      (call) => {
        beginStream(call)
        const all = completionChunk(0, 'a', { finish_reason: 'stop' })
        call.response.write(all, () => call.socket.destroy())
      },
      {},
      kind,
    )
    const body = { ...once, stream: true, stream_options: asked }
    const { events, isDone } = eventsOf(await (await at.gateway.post(body, {}, completions)).text())
    expect(isDone).toBe(true)
    expect(events.at(-1)).toMatchObject({ choices: [], usage: usageOf(4, 1) })
  })
})

describe.each(kinds)('embeddings in front of %s', (kind) => {
  test.each([
    ['base64', 'base64', ['baYovSGpb70=']],
    ['floats', 'float', [[0.1, -0.25]]],
    ['several vectors', undefined, [[0.1], [0.2]]],
  ])('%s pass as they came', async (_what, encoding_format, vectors) => {
    await using at = await scene((call) => answerWhole(call, wholeEmbeddings(vectors)), {}, kind)
    const given = { model: 'test-model', input: vectors.map(() => 'Hi'), encoding_format }
    const response = await at.gateway.post(
      { ...given, dimensions: 2, stream: true },
      {},
      embeddings,
    )
    expect(await response.json()).toEqual({
      object: 'list',
      model: 'test-model',
      data: vectors.map((embedding, index) => ({ index, object: 'embedding', embedding })),
      usage: { prompt_tokens: 2, total_tokens: 2 },
    })
    expect(at.bodies()).toEqual([
      JSON.parse(JSON.stringify({ ...given, model: 'served/model', dimensions: 2 })),
    ])
    expect(callRows(at.gateway.ledgerPath)).toMatchObject([
      { surface: 'embeddings', stream: 0, prompt_tokens: 2, completion_tokens: 0, outcome: 'ok' },
    ])
  })

  test('a vector too few is a bad answer', async () => {
    await using at = await scene((call) => answerWhole(call, wholeEmbeddings([[0.1]])), {}, kind)
    const body = { model: 'test-model', input: ['a', 'b'] }
    const response = await at.gateway.post(body, {}, embeddings)
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ error: { type: 'upstream_error' } })
  })
})

describe('a model', () => {
  test.each([
    ['chat', 'openai-chat', '/v1/chat/completions', chat()],
    ['completions', 'openai-completions', completions, once],
    ['embeddings', 'embeddings', embeddings, { model: 'test-model', input: 'a' }],
  ])('without %s refuses it before anything is sent', async (_what, surface, path, body) => {
    const surfaces = allSurfaces.filter((name) => name !== surface)
    await using at = await scene(() => {}, { surfaces })
    const response = await at.gateway.post(body, {}, path)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      error: { type: 'invalid_request_error', param: 'model' },
    })
    expect(at.upstream.calls).toHaveLength(0)
  })

  test('says what its clients may do beyond the usual', async () => {
    const policy = { completionTokens: 5, outputTokensMax: 40, cacheSalt: true, remoteMedia: true }
    await using at = await scene(goodCompletion, { policy })
    for (const body of [
      { ...once, cache_salt: 's' },
      { ...once, max_tokens: 1000 },
    ]) {
      const response = await at.gateway.post(body, {}, completions)
      expect(response.status).toBe(200)
    }
    expect(at.bodies()).toMatchObject([{ max_tokens: 5, cache_salt: 's' }, { max_tokens: 40 }])
  })

  test('refuses what it does not allow as nobody’s attempt', async () => {
    await using at = await scene(goodCompletion)
    const image = { type: 'image_url', image_url: { url: 'http://169.254.169.254/latest' } }
    const refused = [
      [{ messages: [{ role: 'user', content: [image] }] }, 'messages[0].content[0].image_url'],
      [{ chat_template_kwargs: { tools: 1 } }, 'chat_template_kwargs.tools'],
      [{ max_tokens: 4097 }, 'max_tokens'],
    ] as const
    for (const [given, param] of refused) {
      const response = await at.gateway.post(chat(given))
      expect(response.status).toBe(400)
      expect(response.headers.get('x-should-retry')).toBe('false')
      expect(await response.json()).toMatchObject({ error: { param } })
    }
    expect(at.upstream.calls).toHaveLength(0)
    await at.gateway.gateway.close()
    expect(attemptRows(at.gateway.ledgerPath)).toEqual([])
    expect(callRows(at.gateway.ledgerPath)).toEqual([])
    const lines = at.gateway.logLines().filter(({ event }) => event === 'call')
    expect(lines.map(({ outcome, attempts }) => [outcome, attempts])).toEqual(
      refused.map(() => ['refused', 0]),
    )
  })
})

/** The text of each choice, in the order of their indexes. */
function textsOf(events: Record<string, unknown>[]): string[] {
  const texts: string[] = []
  for (const { choices } of events) {
    for (const { index, text } of choices as { index: number; text: string }[]) {
      texts[index] = (texts[index] ?? '') + text
    }
  }
  return texts
}
