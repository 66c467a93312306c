// What a foreign failure means, where the contract's tables do not already say it.
import { describe, expect, test } from 'vitest'
import { failureIn, faultOf } from '#src/upstreams/exchange/failures.ts'
import { executionTimeoutError, lostWorkerError } from '#src/wire/index.ts'

function refused(status: number, body: unknown, contentType = 'application/json') {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return faultOf({ status, contentType, text })
}

function wrapped(text: string) {
  return { error: { message: text, type: 'worker_error', code: null } }
}

const inner = (code: number, message = 'm', param: string | null = null) =>
  JSON.stringify({ error: { message, type: 'BadRequestError', param, code } })

const tooLong = "This model's maximum context length is 2048 tokens. However, your prompt is secret"

describe('a worker’s words around a server’s', () => {
  /* biome-ignore format: a table reads as a table */
  test.each([
    ['a 400',                    `vLLM returned HTTP 400: ${inner(400, 'm', 'n')}`,      { kind: 'upstream_refused', param: 'n' }],
    ['a 400 over two lines',     `vLLM returned HTTP 400: ${inner(400, 'a\nb', 'n')}\n`, { kind: 'upstream_refused', param: 'n' }],
    ['a context too long',       `vLLM returned HTTP 400: ${inner(400, tooLong)}`,       { kind: 'context_too_long', param: null }],
    ['a 404 without an envelope', 'vLLM returned HTTP 404: {"detail":"Not Found"}',      { kind: 'upstream_misconfigured' }],
    ['a 400 that is no JSON',    'vLLM returned HTTP 400: nonsense',                     { kind: 'upstream_refused', param: null }],
    ['a 429',                    'vLLM returned HTTP 429: ',                             { kind: 'overloaded', turnedAway: 'full' }],
    ['a code that differs',      `vLLM returned HTTP 500: ${inner(400)}`,                { kind: 'upstream_refused' }],
    ['no status',                'vLLM returned nothing',                                { kind: 'upstream_bad_answer' }],
    ['a status not at the start', `x vLLM returned HTTP 400: ${inner(400)}`,             { kind: 'upstream_bad_answer' }],
  ])('%s', (_what, message, expected) => {
    expect(refused(500, wrapped(message))).toMatchObject(expected)
    expect(failureIn(wrapped(message))).toMatchObject({ ...expected, started: 'yes' })
    expect(failureIn({ error: message })).toMatchObject({ ...expected, started: 'yes' })
  })
})

test('a context that is too long is told in OpenAI’s words, with the model’s limit', () => {
  const fault = refused(400, inner(400, tooLong, 'input_tokens'))
  expect(fault.message).toMatch(/^This model's maximum context length is 2048 tokens\./)
  expect(fault.rule.code).toBe('context_length_exceeded')
  expect(`${fault.message} ${fault.cause}`).not.toContain('secret')
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['Token id 99999999 is out of vocabulary',                        null,         'vocabulary'],
  ['Grammar error: Invalid type: canary',                           null,         'schema or grammar'],
  ['canary/model-1:v2 is not a multimodal model',                   'messages',   'text only'],
  ["Model 'canary-embed' only supports Matryoshka dimensions [32]", 'dimensions', 'dimensions'],
  ['I said: Grammar error: canary',                                 null,         'refused the request as invalid'],
])('what is only said in words is told in ours: %s', (text, param, words) => {
  const fault = refused(400, inner(400, text))
  expect(fault).toMatchObject({ kind: 'upstream_refused', param, started: 'no' })
  expect(fault.message).toContain(words)
  expect(`${fault.message} ${fault.cause}`).not.toContain('canary')
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['no workers available',               { kind: 'overloaded' }],
  ['timed out waiting for worker',       { kind: 'overloaded' }],
  ['Unauthorized',                       { kind: 'upstream_credentials' }],
  ['not allowed for QB API',             { kind: 'upstream_misconfigured' }],
  ['vLLM server process is not running', { kind: 'upstream_unreachable', started: 'no' }],
  ['Request to vLLM failed',             { kind: 'upstream_unreachable', started: 'maybe' }],
  [lostWorkerError,                      { kind: 'upstream_cut' }],
  [executionTimeoutError,                { kind: 'deadline' }],
])('%s is known where a server begins with it, and not where it repeats a client’s text', (text, known) => {
  expect(refused(400, inner(400, text))).toMatchObject(known)
  expect(refused(400, inner(400, `In '${text}' there is a mistake.`))).toMatchObject({
    kind: 'upstream_refused',
  })
})

test('a job that failed, and no more of it, is told as what it may be', () => {
  const fault = refused(500, { error: 'Error processing the request' })
  expect(fault).toMatchObject({ kind: 'upstream_bad_answer', started: 'maybe' })
  expect(fault.message).toContain('may be too long')
  expect(fault.isUnexplained).toBe(true)
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['an error that has a message',     500, { error: { message: 'x', type: 'InternalServerError', code: 500 } }],
  ['an error that quotes those words', 500, { error: 'x: Error processing the request' }],
  ['a job whose worker was lost',     500, { error: lostWorkerError }],
  ['a job that ran too long',         500, { error: executionTimeoutError }],
  ['a refusal',                       400, { error: 'x' }],
  ['nothing at all',                  500, {}],
])('%s is not a reason that a platform kept to itself', (_what, status, body) => {
  expect(refused(status, body).isUnexplained).toBe(false)
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['body.temperature',                      'temperature'],
  ['temperature',                           'temperature'],
  ['body.messages.0.content',               'messages.0.content'],
  ['messages[0].role',                      'messages[0].role'],
  ['body.messages.0.Some words of a prompt', 'messages.0'],
  ['body.tools.0.function.a_key_of_a_client', 'tools.0.function'],
  ['a_key_of_a_client',                     null],
  ['Bearer sk-1234',                        null],
  [`a${'b'.repeat(64)}`,                    null],
  ['',                                      null],
  ['<script>',                              null],
])('a parameter %j is named as %j', (param, expected) => {
  const fault = refused(400, inner(400, 'm', param))
  expect(fault.param).toBe(expected)
  if (expected !== null) expect(fault.message).toContain(`'${expected}'`)
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['no error',              { choices: [] }],
  ['an error of null',      { error: null, choices: [] }],
  ['an error of false',     { error: false }],
  ['an empty error',        { error: '' }],
  ['another object',        { object: 'chat.completion' }],
])('%s inside a 200 is no failure', (_what, value) => {
  expect(failureIn(value)).toBeNull()
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['an empty object',  { error: {} },                          { kind: 'upstream_bad_answer' }],
  ['a list',           { error: ['x'] },                       { kind: 'upstream_bad_answer' }],
  ['true',             { error: true },                        { kind: 'upstream_bad_answer' }],
  ['a code of text',   { error: { code: 'rate_limited' } },    { kind: 'upstream_bad_answer' }],
  ['a code of 200',    { error: { code: 200 } },               { kind: 'upstream_bad_answer' }],
  ['a code of 429',    { error: { code: 429 } },               { kind: 'overloaded', turnedAway: 'full' }],
  ['a busy engine',    { error: { code: 503, type: 'Service Unavailable' } }, { kind: 'overloaded' }],
])('an error of %s inside a 200 is one', (_what, value, expected) => {
  expect(failureIn(value)).toMatchObject({ ...expected, started: 'yes' })
})

test('the operator is told status, media type and class, and not a word more', () => {
  const body = { error: { message: 'secret', type: 'BadRequestError', param: 'body.n', code: 400 } }
  const told = refused(400, body, 'application/json; charset=utf-8').cause
  expect(told).toMatchObject({
    message: 'HTTP 400 (application/json): refused, status 400, BadRequestError, param n',
  })
  const odd = { error: { message: 'secret', type: 'a secret: {"x":1}', param: 'a secret' } }
  expect(refused(500, odd, '').cause).toMatchObject({
    message: 'HTTP 500 (no media type): failed, status 500, no class, param none',
  })
})
