// A text that is too long for its model. What no tokeniser could make fit is refused unsent. Where a
// platform says that a job failed and keeps the reason to itself, the length of the call's longest
// prompt decides whether its client hears that this is the likely cause, or of a failed upstream.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { engineGoneError, lostWorkerError, vllmRefusedError } from '#src/wire/index.ts'
import { attemptRows, callRows } from '../support/ledger-rows.ts'
import { answerGood, openaiSurfaces } from '../support/openai-surfaces.ts'
import {
  answerWhole,
  beginStream,
  chunk,
  type Script,
  type ScriptedUpstream,
  startUpstream,
} from '../support/scripted-upstream.ts'
import {
  type GatewayUnderTest,
  kinds,
  modelAt,
  startTestGateway,
  type TestGateway,
} from '../support/test-gateway.ts'

type Json = Record<string, unknown>

const contextTokens = 1000
const model = 'test-model'
const text = (bytes: number) => 'x'.repeat(bytes)
const tokens = (count: number) => Array(count).fill(5)
const user = (content: unknown) => ({ role: 'user', content })
const part = (content: string) => ({ type: 'text', text: content })
const url = 'data:image/png;base64,iVBORw0KGgo='
const image = { type: 'image_url', image_url: { url } }
const tool = { type: 'function', function: { name: 'look', description: text(4000) } }
const toolCall = { id: 'c', type: 'function', function: { name: 'look', arguments: text(4000) } }

const [chatPath = '', completionPath = '', embeddingPath = ''] = openaiSurfaces.map(
  ({ path }) => path,
)

interface Asked {
  path: string
  body: Json
}

function chat(content: unknown, extra: Json = {}): Asked {
  const messages = Array.isArray(content) ? content : [user(content)]
  return { path: chatPath, body: { model, messages, ...extra } }
}

function completion(prompt: unknown, extra: Json = {}): Asked {
  return { path: completionPath, body: { model, prompt, ...extra } }
}

function embedding(input: unknown, extra: Json = {}): Asked {
  return { path: embeddingPath, body: { model, input, ...extra } }
}

type Kind = (typeof kinds)[number]

interface Scene extends AsyncDisposable {
  upstream: ScriptedUpstream
  gateway: TestGateway
}

async function startScene(
  script: Script,
  given: Partial<GatewayUnderTest> = {},
  policy: Json = {},
) {
  const { kind = 'runpod' } = given
  const upstream = await startUpstream(script)
  const usual = modelAt({ baseUrl: upstream.url, kind })
  const models = [{ ...usual, contextTokens, capabilities: ['vision'], policy }]
  const gateway = await startTestGateway({ baseUrl: upstream.url, models, ...given })
  const scene: Scene = {
    upstream,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
    },
  }
  return scene
}

/** One gateway for a whole table: asks it, and tells how many calls its upstream saw meanwhile. */
function sharedScene(usualScript: Script, kind: Kind = 'runpod') {
  const folder = mkdtempSync(join(tmpdir(), 'podgate-too-long-'))
  let scene: Scene
  let script = usualScript
  beforeAll(async () => {
    scene = await startScene((call) => script(call), { kind, folder })
  })
  afterAll(async () => {
    await scene[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })
  return async ({ path, body }: Asked, scriptNow = usualScript) => {
    script = scriptNow
    const before = scene.upstream.calls.length
    const response = await scene.gateway.post(body, {}, path)
    const error = errorIn(await response.text())
    const calls = scene.upstream.calls.length - before
    return { status: response.status, code: error.code ?? null, error, calls }
  }
}

/** None is an error without a member. */
function errorIn(text: string): { code?: string; message?: string; param?: string | null } {
  return text.startsWith('{') ? (JSON.parse(text).error ?? {}) : {}
}

const failed = JSON.stringify({ error: 'Error processing the request' })
const unexplained: Script = (call) => answerWhole(call, failed, 500)

/* biome-ignore format: a table reads as a table */
describe('a job that failed, and nobody says why:', () => {
  const ask = sharedScene(unexplained)
  const streamed = { stream: true }
  test.each<[title: string, asked: Asked, status: 400 | 502]>([
    ['a short text',                              chat('Hi'),                                           502],
    ['a long text',                               chat(text(5000)),                                     400],
    ['a short text, streamed',                    chat('Hi', streamed),                                 502],
    ['a long text, streamed',                     chat(text(5000), streamed),                           400],
    ['a text that leaves room for one token',     chat(text(3996)),                                     502],
    ['a text that leaves room for none',          chat(text(4000)),                                     400],
    ['a text and an answer that fit together',    chat(text(2000), { max_tokens: 500 }),                502],
    ['a text and an answer that do not',          chat(text(2000), { max_tokens: 501 }),                400],
    ['the smaller of two bounds fits',            chat(text(2000), { max_tokens: 900, max_completion_tokens: 500 }), 502],
    ['a long conversation of short messages',     chat(Array(50).fill(user(text(100)))),                400],
    ['a long text in parts',                      chat([user([part(text(2500)), part(text(2500))])]),   400],
    ['a short text with an image',                chat([user([part('Hi'), image])]),                    502],
    ['a long text with an image',                 chat([user([part(text(5000)), image])]),              502],
    ['a long text beside an image',               chat([user([image]), user(text(5000))]),              502],
    ['a long text that the server cuts',          chat(text(5000), { truncate_prompt_tokens: 100 }),    502],
    ['a long text that it does not cut',          chat(text(5000), { truncate_prompt_tokens: null }),   400],
    ['a short text with long tools',              chat('Hi', { tools: [tool] }),                        400],
    ['a short text with a long call of a tool',   chat([user('Hi'), { role: 'assistant', content: null, tool_calls: [toolCall] }]), 400],
    ['few characters of many bytes',              chat('漢'.repeat(1400)),                              400],
    ['few bytes, written as escapes',             chat('\u0001'.repeat(1000)),                          502],

    ['a prompt that fits',                        completion(text(3900)),                               502],
    ['a prompt without room for the usual answer', completion(text(3940)),                              400],
    ['a prompt that is only repeated',            completion(text(3940), { max_tokens: 0, echo: true }), 502],
    ['many prompts that fit one by one',          completion(Array(8).fill(text(3000))),                502],
    ['many prompts of which one is long',         completion(['Hi', text(5000), 'Hi']),                 400],
    ['a long prompt, streamed',                   completion(text(5000), streamed),                     400],
    ['tokens that fit',                           completion(tokens(980), { max_tokens: 20 }),          502],
    ['tokens that leave too little room',         completion([[5], tokens(981)], { max_tokens: 20 }),   400],
    ['tokens that the server cuts',               completion(tokens(981), { max_tokens: 20, truncate_prompt_tokens: 100 }), 502],

    ['inputs that fit one by one',                embedding(Array(8).fill(text(3000))),                 502],
    ['an input of the whole context',             embedding(tokens(1000)),                              502],
    ['an input that is too long',                 embedding(['Hi', text(4001)]),                        400],
    ['an input that the server cuts',             embedding(text(5000), { truncate_prompt_tokens: -1 }), 502],
  ])('%s', async (_title, asked, status) => {
    const code = status === 400 ? 'context_length_exceeded' : 'upstream_bad_answer'
    expect(await ask(asked)).toMatchObject({ status, code, calls: 1 })
  })
})

test('bounds of the model’s policy count where the client names none, and cap what it names', async () => {
  await using scene = await startScene(
    unexplained,
    {},
    { outputTokensMax: 300, completionTokens: 200 },
  )
  const statusOf = async ({ path, body }: Asked) =>
    (await scene.gateway.post(body, {}, path)).status
  expect(await statusOf(chat(text(2800)))).toBe(502)
  expect(await statusOf(chat(text(2801)))).toBe(400)
  expect(await statusOf(chat(text(2800), { max_tokens: 900 }))).toBe(502)
  expect(await statusOf(completion(text(3200)))).toBe(502)
  expect(await statusOf(completion(text(3201)))).toBe(400)
})

test('the client hears of the likely cause, and the operator of what was said', async () => {
  await using scene = await startScene(unexplained)
  const { gateway } = scene
  const { path, body } = chat(text(5000))
  const response = await gateway.post(body, {}, path)
  expect(response.headers.get('x-should-retry')).toBe('false')
  const error = errorIn(await response.text())
  expect(error).toMatchObject({ type: 'invalid_request_error', param: 'messages' })
  expect(error.message).toMatch(/^This model's maximum context length is 1000 tokens\. /)
  expect(error.message).toContain('without saying why, and its length is the likely cause')
  const line = await gateway.logged({ event: 'call' })
  expect(line).toMatchObject({ status: 400, outcome: 'failed', fault: 'context_too_long' })
  expect(line.cause).toMatchObject({
    kind: 'upstream_bad_answer',
    cause: { message: expect.stringContaining('job_failed') },
  })
  const [row] = callRows(gateway.ledgerPath)
  expect(row).toMatchObject({ status: 400, error_code: 'context_length_exceeded' })
  await gateway.gateway.close()
  const [attempt] = attemptRows(gateway.ledgerPath)
  expect(attempt).toMatchObject({ result: 'faulted', fault: 'upstream_bad_answer' })
})

/* biome-ignore format: a table reads as a table */
describe.each(kinds)('in front of %s, a long text:', (kind) => {
  const ask = sharedScene(unexplained, kind)
  const limit = `{"error":{"message":"This model's maximum context length is 777 tokens. However, your prompt contains at least 778 input tokens","type":"BadRequestError","param":"input_tokens","code":400}}`
  const other = '{"error":{"message":"x","type":"BadRequestError","param":"stop","code":400}}'
  const job = (error: string): Script => (call) => answerWhole(call, JSON.stringify({ error }), 500)
  test.each<[title: string, script: Script, status: number, code: string, says: string]>([
    ['the reason is lost',                    unexplained,                                       400, 'context_length_exceeded', '1000 tokens'],
    ['the reason is lost inside a 200',       (call) => answerWhole(call, failed),               400, 'context_length_exceeded', '1000 tokens'],
    ['the server says so itself',             (call) => answerWhole(call, limit, 400),           400, 'context_length_exceeded', '777 tokens'],
    ['a worker says so',                      job(vllmRefusedError(400, limit)),                 400, 'context_length_exceeded', '777 tokens'],
    ['another refusal is told as such',       (call) => answerWhole(call, other, 400),           400, 'upstream_rejected',       "'stop'"],
    ['a failure that has a class',            (call) => answerWhole(call, '{"error":{"message":"x","type":"InternalServerError","code":500}}', 500), 502, 'upstream_bad_answer', 'failed'],
    ['an edge’s page',                        ({ response }) => void response.writeHead(502, { 'content-type': 'text/html' }).end('<html>'), 502, 'upstream_bad_answer', 'failed'],
    ['a worker that was lost',                job(lostWorkerError),                              502, 'upstream_cut',            'lost'],
    ['a server that died',                    job(engineGoneError()),                            502, 'upstream_unreachable',    'reached'],
    ['nonsense',                              (call) => answerWhole(call, 'no JSON'),            502, 'upstream_bad_answer',     'read'],
  ])('%s', async (_title, script, status, code, says) => {
    const answer = await ask(chat(text(5000)), script)
    expect(answer).toMatchObject({ status, code })
    expect(answer.error.message).toContain(says)
  })
})

describe('a stream of a long text', () => {
  const { path, body } = chat(text(5000), { stream: true })

  test('whose first event is a failure without a reason', async () => {
    await using scene = await startScene((call) => {
      beginStream(call)
      call.response.end(`data: ${failed}\n\n`)
    })
    const response = await scene.gateway.post(body, {}, path)
    expect(response.status).toBe(400)
    expect(errorIn(await response.text()).code).toBe('context_length_exceeded')
  })

  test('that fails once it has begun: its prompt had fitted', async () => {
    await using scene = await startScene((call) => {
      beginStream(call)
      call.response.end(`${chunk('Hello')}data: ${failed}\n\n`)
    })
    const response = await scene.gateway.post(body, {}, path)
    expect(response.status).toBe(200)
    const events = (await response.text()).trim().split('\n\n')
    expect(events.at(-1)).toContain('"code":"upstream_bad_answer"')
    expect(callRows(scene.gateway.ledgerPath)).toMatchObject([
      { status: 200, error_code: 'upstream_bad_answer' },
    ])
  })

  test('that fails after signs of life is one error event', async () => {
    await using upstream = await startUpstream()
    const usual = modelAt({ baseUrl: upstream.url, kind: 'runpod' })
    await using gateway = await startTestGateway({
      baseUrl: upstream.url,
      models: [{ ...usual, contextTokens }],
      config: { relay: { keepAliveMs: 20 } },
    })
    const client = gateway.open(body, {}, path)
    const call = await upstream.nextCall()
    await client.seen(': podgate')
    answerWhole(call, failed, 500)
    expect(await client.ended).toBe('whole')
    const events = client
      .text()
      .split('\n\n')
      .filter((one) => one.startsWith('data: '))
    expect(events).toHaveLength(1)
    expect(events[0]).toContain('"code":"context_length_exceeded"')
    expect(client.text()).not.toContain('[DONE]')
  })
})

/* biome-ignore format: a table reads as a table */
describe('a text that no tokeniser could make fit', () => {
  const ask = sharedScene(answerAsMany)
  const most = 128 * (contextTokens + 1) - 1
  const beside = most - 128 * 500
  test.each<[title: string, longest: Asked, longer: Asked, param: string]>([
    ['a message',             chat(text(most)),                          chat(text(most + 1)),                                'messages'],
    ['a message, streamed',   chat(text(most), { stream: true }),        chat(text(most + 1), { stream: true }),              'messages'],
    ['messages together',     chat([user(text(most - 9)), user(text(9))]), chat([user(text(most - 8)), user(text(9))]),       'messages'],
    ['parts of a message',    chat([user([part(text(most))])]),          chat([user([part(text(most)), part('x')])]),         'messages'],
    ['many bytes',            chat('漢'.repeat(Math.floor(most / 3))),   chat('漢'.repeat(Math.ceil(most / 3) + 1)),          'messages'],
    ['an answer beside it',   chat(text(beside), { max_tokens: 500 }),   chat(text(beside + 1), { max_completion_tokens: 500 }), 'messages'],
    ['one of many prompts',   completion(['Hi', text(most)]),            completion(['Hi', text(most + 1), 'Hi']),            'prompt'],
    ['a prompt and its answer', completion(text(beside), { max_tokens: 500 }), completion(text(beside + 1), { max_tokens: 500 }), 'prompt'],
    ['one of many inputs',    embedding([text(most), text(most)]),       embedding([text(most), text(most + 1)]),             'input'],
  ])('%s', async (_title, longest, longer, param) => {
    expect(await ask(longest)).toMatchObject({ status: 200, calls: 1 })
    const { status, error, calls } = await ask(longer)
    expect({ status, calls }).toEqual({ status: 400, calls: 0 })
    expect(error).toMatchObject({ code: 'context_length_exceeded', param })
    expect(error.message).toMatch(/^This model's maximum context length is 1000 tokens\. /)
  })

  test.each<[title: string, asked: Asked]>([
    ['media, of which nobody knows the length', chat([user([part(text(most + 1)), image])])],
    ['media that are long themselves',          chat([user([part('Hi'), { type: 'image_url', image_url: { url: url + text(most) } }])])],
    ['a text that the server cuts',             chat(text(most + 1), { truncate_prompt_tokens: 500 })],
    ['tokens that the server cuts',             completion(tokens(1001), { truncate_prompt_tokens: 9 })],
    ['inputs that the server cuts',             embedding([tokens(1001)], { truncate_prompt_tokens: 9 })],
    ['tools, which a template may leave out',   chat('Hi', { tools: [{ ...tool, function: { name: 'look', description: text(most + 1) } }] })],
    ['other members of the body',               chat('Hi', { metadata: { note: text(most + 1) } })],
    ['short prompts that are many',             completion(Array(50).fill(text(most / 40)))],
    ['a short text and the whole context',      chat('Hi', { max_tokens: contextTokens })],
  ])('is not: %s', async (_title, asked) => {
    expect(await ask(asked)).toMatchObject({ status: 200, calls: 1 })
  })

  test('is not one beside a bound that is the model’s own, or is capped by it', async () => {
    await using scene = await startScene(answerGood, {}, { outputTokensMax: 500 })
    const asked = [chat(text(beside), { max_tokens: 900 }), chat(text(beside + 1))]
    for (const { path, body } of asked) {
      expect((await scene.gateway.post(body, {}, path)).status).toBe(200)
    }
  })

  test('costs nobody anything: it is refused before it is a call', async () => {
    await using scene = await startScene(answerGood)
    const { path, body } = chat(text(most + 1))
    expect((await scene.gateway.post(body, {}, path)).status).toBe(400)
    expect(callRows(scene.gateway.ledgerPath)).toEqual([])
  })
})

/** Each prompt is answered, as each has to be. */
const answerAsMany: Script = (call) => {
  const { prompt, input, stream } = JSON.parse(call.body)
  const prompts = prompt ?? input
  const isOne = !Array.isArray(prompts) || typeof prompts[0] === 'number'
  if (isOne || stream === true) return answerGood(call)
  const choices = prompts.map((_: unknown, index: number) => ({
    index,
    text: 'Hello',
    logprobs: null,
    finish_reason: 'stop',
  }))
  const data = prompts.map((_: unknown, index: number) => ({
    index,
    object: 'embedding',
    embedding: [0.5],
  }))
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }
  const about = { id: 'x', created: 1, model: 'served/model', usage }
  const isEmbedding = input !== undefined
  const answer = isEmbedding
    ? { ...about, object: 'list', data }
    : { ...about, object: 'text_completion', choices }
  answerWhole(call, JSON.stringify(answer))
}
