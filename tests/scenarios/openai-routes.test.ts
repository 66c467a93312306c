// What is of one route alone, through a whole gateway: several prompts in one stream, vectors, and
// what a model's own policy says of its clients' bodies. What holds on every route stands beside.
import { describe, expect, test } from 'vitest'
import { eventsOf } from '../support/client-call.ts'
import { attemptRows, callRows } from '../support/ledger-rows.ts'
import { answerGood, type StreamAsking, streamAskings } from '../support/openai-surfaces.ts'
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
const { surface, words } = streamAskings.find(({ path }) => path === completions) as StreamAsking

async function scene(script: Script, more = {}, kind: (typeof kinds)[number] = kinds[0]) {
  const upstream = await startUpstream(script)
  const given = { baseUrl: upstream.url, kind }
  const gateway = await startTestGateway({ ...given, models: [{ ...modelAt(given), ...more }] })
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

/** A chunk of one choice, with the running count of its prompt and of what it has so far. */
function piece(index: number, text: string, used: [number, number], finish: string | null = null) {
  return words.chunk('', { choices: [words.choice(index, text, finish)], usage: usageOf(...used) })
}

function vectors(of: readonly (string | readonly number[])[]): string {
  const data = of.map((embedding, index) => ({ index, object: 'embedding', embedding }))
  const usage = { ...usageOf(2, 0), prompt_tokens_details: null, completion_tokens_details: null }
  return JSON.stringify({ id: 'embd-1', object: 'list', created: 1, model: 'served', data, usage })
}

describe.each(kinds)('completions in front of %s', (kind) => {
  test('a whole answer is OpenAI’s, of the model that was asked for', async () => {
    await using at = await scene((call) => answerWhole(call, surface.whole(' Paris')), {}, kind)
    const response = await at.gateway.post(once, {}, completions)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      object: 'text_completion',
      model: 'test-model',
      choices: [{ index: 0, text: ' Paris', finish_reason: 'stop', logprobs: null }],
      usage: usageOf(11, 5),
    })
    expect(at.upstream.calls[0]?.request.url).toMatch(/\/v1\/completions$/)
    expect(at.bodies()).toEqual([
      { model: 'served/model', prompt: 'The capital of France is', max_tokens: 16 },
    ])
    expect(callRows(at.gateway.ledgerPath)).toMatchObject([
      { surface: 'openai-completions', outcome: 'ok', prompt_tokens: 11, completion_tokens: 5 },
    ])
  })

  test('several prompts interleave in one stream, each choice with its index', async () => {
    await using at = await scene(
      (call) => {
        beginStream(call)
        call.response.end(
          [
            piece(0, 'a', [3, 1]),
            piece(1, 'b', [5, 1]),
            piece(1, 'B', [5, 2], 'length'),
            piece(0, 'A', [3, 2], 'length'),
            words.usage(8, 4),
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

  test('a whole answer that gives up on a choice that nobody asked for is a 502', async () => {
    const choices = [words.choice(0, ' Paris', 'stop'), words.choice(1, ' Rome', 'abort')]
    const given = JSON.stringify({ ...JSON.parse(surface.whole('')), choices })
    await using at = await scene((call) => answerWhole(call, given), {}, kind)
    const response = await at.gateway.post(once, {}, completions)
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ error: { type: 'upstream_error' } })
  })
})

describe.each(kinds)('embeddings in front of %s', (kind) => {
  test.each([
    ['base64', 'base64', ['baYovSGpb70=']],
    ['floats', 'float', [[0.1, -0.25]]],
    ['several vectors', undefined, [[0.1], [0.2]]],
  ])('%s pass as they came', async (_what, encoding_format, packed) => {
    await using at = await scene((call) => answerWhole(call, vectors(packed)), {}, kind)
    const given = { model: 'test-model', input: packed.map(() => 'Hi'), encoding_format }
    const response = await at.gateway.post(
      { ...given, dimensions: 2, stream: true },
      {},
      embeddings,
    )
    expect(await response.json()).toEqual({
      object: 'list',
      model: 'test-model',
      data: packed.map((embedding, index) => ({ index, object: 'embedding', embedding })),
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
    await using at = await scene((call) => answerWhole(call, vectors([[0.1]])), {}, kind)
    const body = { model: 'test-model', input: ['a', 'b'] }
    const response = await at.gateway.post(body, {}, embeddings)
    expect(response.status).toBe(502)
    expect(await response.json()).toMatchObject({ error: { type: 'upstream_error' } })
  })
})

describe('a model', () => {
  test('says what its clients may do beyond the usual', async () => {
    const policy = { completionTokens: 5, outputTokensMax: 40, cacheSalt: true, remoteMedia: true }
    await using at = await scene(answerGood, { policy })
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
    await using at = await scene(answerGood, { capabilities: ['vision'] })
    const image = { type: 'image_url', image_url: { url: 'http://169.254.169.254/latest' } }
    const sound = { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } }
    const refused = [
      [{ messages: [{ role: 'user', content: [image] }] }, 'messages[0].content[0].image_url'],
      [{ messages: [{ role: 'user', content: [sound] }] }, 'messages[0].content[0]'],
      [{ messages: [{ role: 'wizard', content: 'Hi' }] }, 'messages[0].role'],
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

test('what the server’s dialect does not know is refused before anything is sent', async () => {
  const deployment = {
    id: 'd',
    kind: 'openai-compatible',
    servedName: 'served/model',
    slots: 1,
  }
  await using upstream = await startUpstream(answerGood)
  const options = { baseUrl: upstream.url, dialect: 'openai' }
  const given = { baseUrl: upstream.url }
  const models = [{ ...modelAt(given), deployments: [{ ...deployment, options }] }]
  await using gateway = await startTestGateway({ ...given, models })
  for (let at = 0; at < 2; at += 1) {
    const response = await gateway.post(chat({ top_k: 5 }))
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { param: 'top_k' } })
  }
  expect(upstream.calls).toHaveLength(0)
  // The place is free again: the one slot serves the next.
  expect((await gateway.post(chat())).status).toBe(200)
})

test('a policy for media that the model cannot read is told at the start', async () => {
  await using at = await scene(answerGood, { policy: { remoteMedia: true } })
  const line = await at.gateway.logged({ event: 'config' })
  expect(line).toMatchObject({ level: 'warn', message: expect.stringContaining('test-model') })
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
