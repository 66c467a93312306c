// How platforms, edges, workers and other servers say that something went wrong, as far as it is
// known without a recording: each is a fault of our table, and no word of it gets anywhere.
import { describe, expect, test } from 'vitest'
import { pythonRepr } from '#src/wire/index.ts'
import { kinds } from '../support/test-gateway.ts'
import { expectOurSentence } from './our-words.ts'
import { answer, stream, whole } from './raw-server.ts'
import { type Behaviour, foreign, hostileRig } from './upstream-rig.ts'

const text = foreign.text
const json = 'Content-Type: application/json'

const bad = { status: 502, code: 'upstream_bad_answer' }
const rejected = { status: 400, code: 'upstream_rejected' }
const tooLong = { status: 400, code: 'context_length_exceeded' }
const credentials = { status: 502, code: 'upstream_credentials' }
const misconfigured = { status: 502, code: 'upstream_misconfigured' }
const unreachable = { status: 502, code: 'upstream_unreachable' }
const cut = { status: 502, code: 'upstream_cut' }
const late = { status: 504, code: 'first_byte_timeout' }
const outOfTime = { status: 504, code: 'deadline_exceeded' }
const tooLarge = { status: 413, code: 'request_too_large' }

/** An edge's own page. */
function page(status: number): string {
  return `<!DOCTYPE html><html><head><title>${text} | ${status}</title></head></html>`
}

function edge(status: number): Buffer {
  return answer(
    `${status} Edge`,
    page(status),
    'Content-Type: text/html; charset=UTF-8',
    'Server: cloudflare',
    `CF-RAY: ${text}`,
  )
}

function error(status: number, body: unknown): Buffer {
  return answer(`${status} No`, typeof body === 'string' ? body : JSON.stringify(body), json)
}

/** What a job failed with, as the platform says it. */
function job(words: string, status = 500): Buffer {
  return error(status, { error: words })
}

function worker(message: string): string {
  return pythonRepr({ message, type: 'worker_error', code: null })
}

/** How workers before 2.24 said it. */
function olderWorker(type: string, code: number, message = text): string {
  return pythonRepr({ message, type, param: null, code })
}

function openai(
  status: number,
  code: string | null,
  type = 'invalid_request_error',
  param: string | null = null,
): Buffer {
  return error(status, { error: { message: text, type, param, code } })
}

const limit = `This model's maximum context length is 4096 tokens. However, ${text}`
const traceback = `handler: ${text} \ntraceback: Traceback (most recent call last):\n  File "/src/${text}"`
const exception = JSON.stringify({
  error_type: "<class 'ValueError'>",
  error_message: text,
  error_traceback: text,
  hostname: text,
  worker_id: text,
})

type Given = [says: Behaviour['says'], ends: Behaviour['ends'], tries?: number]

/* biome-ignore format: a table reads as a table */
const table: Record<string, Given> = {
  'an edge’s 500':                        [edge(500), bad],
  'an edge’s 502':                        [edge(502), bad],
  'an edge’s 503':                        [edge(503), bad],
  'an edge’s 504':                        [edge(504), late],
  'an edge’s 520':                        [edge(520), bad],
  'an edge’s 521':                        [edge(521), unreachable],
  'an edge’s 522':                        [edge(522), unreachable],
  'an edge’s 523':                        [edge(523), unreachable],
  'an edge’s 524':                        [edge(524), late],
  'an edge’s 525':                        [edge(525), unreachable],
  'an edge’s 530':                        [edge(530), unreachable],
  'an edge’s 403, a riddle':              [edge(403), credentials],
  'an edge’s 404':                        [edge(404), misconfigured],
  'an edge’s 413':                        [edge(413), tooLarge],
  'an edge’s page in a 200':              [answer('200 OK', page(502), 'Content-Type: text/html'), bad],

  'a job that failed, and no more of it': [job('Error processing the request'), bad],
  'a key that is wrong':                  [error(401, { error: 'Unauthorized' }), credentials],
  'a key that is wrong, in a 200':        [whole('{"error":"Unauthorized"}'), credentials],
  'an account without money':             [error(402, { error: text }), credentials],
  'an account that may not':              [error(403, { error: text }), credentials],
  'an endpoint that does not exist':      [error(404, { error: text }), misconfigured],
  'an endpoint of the other type':        [error(400, { error: 'not allowed for QB API' }), misconfigured],
  'a job whose worker was lost twice':    [job('job timed out after 1 retries'), cut],
  'a job that ran too long':              [job('executionTimeout exceeded'), outOfTime],
  'a job that raised':                    [job(traceback), bad],
  'a job that raised elsewhere':          [job(exception), bad],
  'a job that was cancelled':             [whole('{"id":"x-u1","status":"CANCELLED"}'), bad],
  'a job in the line':                    [whole('{"id":"x-u1","status":"IN_QUEUE"}'), bad],

  'a worker whose server died':           [job(worker('vLLM server process is not running; worker is unhealthy')), unreachable],
  'a worker whose server died, in a 200': [whole(JSON.stringify({ error: worker('vLLM server process is not running; worker is unhealthy') })), unreachable],
  'a worker that lost its server':        [job(worker(`Request to vLLM failed: ${text}`)), unreachable, 1],
  'a worker that does not know the input': [job(worker(`Job input must contain one of: ${text}`)), bad],
  'a worker around a text':               [job(worker(`vLLM returned HTTP 500: ${text}`)), bad],
  'a worker around a page':               [job(worker(`vLLM returned HTTP 502: ${page(502)}`)), bad],
  'a worker around nothing':              [job(worker('vLLM returned HTTP 500: ')), bad],
  'a worker around a key that is wrong':  [job(worker('vLLM returned HTTP 401: {"error":"Unauthorized"}')), credentials],
  'a worker around lines and quotes':     [job(worker(`vLLM returned HTTP 400: {"error":{"message":"it's \\"${text}\\"\\n\\\\","code":400}}`)), rejected],
  'a worker around a worker':             [job(worker(worker(`vLLM returned HTTP 422: {"detail":"${text}"}`))), rejected],
  'a worker’s words in a stream':         [stream(`data: ${JSON.stringify({ error: worker(`vLLM returned HTTP 400: {"error":{"message":"${text}","code":400}}`) })}\n\n`), rejected],
  'words that only look like a worker’s': [job(`{'message': 'vLLM returned HTTP 400: ${text}', 'type': exit()}`), bad],
  'words of a depth beyond all':          [job("{'a': ".repeat(3_000)), bad],
  'an older worker’s 400':                [job(olderWorker('BadRequestError', 400)), rejected],
  'an older worker’s 404':                [job(olderWorker('NotFoundError', 404)), misconfigured],
  'an older worker’s 500':                [job(olderWorker('InternalServerError', 500)), bad],
  'an older worker’s limit':              [job(olderWorker('BadRequestError', 400, limit)), tooLong],
  'an older worker’s limit, in a 200':    [whole(JSON.stringify({ object: 'error', message: limit, type: 'BadRequestError', param: null, code: 400 })), tooLong],
  'a much older server’s limit':          [error(400, { object: 'error', message: `The decoder prompt (length 9000) is longer than the maximum model length of 4096. ${text}`, type: 'BadRequestError', code: 400 }), tooLong],
  'a route that an older worker lacks':   [whole(`{"error":{"message":"Invalid route ${text}","code":404}}`), misconfigured],

  'OpenAI’s word for the limit':          [openai(400, 'context_length_exceeded', 'invalid_request_error', 'messages'), tooLong],
  'OpenAI’s word for a wrong key':        [openai(401, 'invalid_api_key'), credentials],
  'OpenAI’s word for no more money':      [openai(429, 'insufficient_quota', 'insufficient_quota'), credentials],
  'OpenAI’s word for no more money, as a type': [openai(429, null, 'insufficient_quota'), credentials],
  'OpenAI’s word for no such model':      [openai(404, 'model_not_found'), misconfigured],
  'OpenAI’s word for a wrong parameter':  [openai(400, 'unsupported_value', 'invalid_request_error', 'temperature'), rejected],
  'OpenAI’s word for its own mistake':    [openai(500, null, 'server_error'), bad],

  'FastAPI’s 422':                        [error(422, { detail: [{ loc: ['body', 'stop', 0], msg: text, type: 'x', input: text }] }), rejected],
  'FastAPI’s 405':                        [error(405, { detail: 'Method Not Allowed' }), misconfigured],
  'FastAPI’s words in a 200':             [whole(`{"detail":"${text}"}`), bad],
  'a 400 about a name of its own':        [error(400, { error: { message: text, param: text, code: 400 } }), rejected],
  'a 400 of its own status':              [error(400, { error: { message: text, code: '400' } }), rejected],
  'a 501':                                [error(501, { error: { message: text, type: 'NotImplementedError', code: 501 } }), misconfigured],
  'an empty 400':                         [error(400, ''), rejected],
  'an empty 500':                         [error(500, ''), bad],
  'a 500 that is null':                   [error(500, 'null'), bad],
  'a 500 of bytes':                       [answer('500 No', Buffer.from([0xff, 0xfe, 0, 1, 2]), 'Content-Type: application/octet-stream'), bad],
  'a 500 whose error is a list':          [error(500, { error: [text, text] }), bad],
  'a 500 whose message is an object':     [error(500, { error: { message: { text } } }), bad],
  'a 500 with a type of two lines':       [answer('500 No', '{}', `Content-Type: ${text}; x=y`), bad],
  'a 500 with a class of its own':        [error(500, { error: { message: text, type: text, code: text } }), bad],
}

describe.each(kinds)('in front of %s, a server that answers with', (kind) => {
  const rig = hostileRig(kind)

  test.each(Object.entries(table))('%s', async (_name, [says, ends, tries = 1]) => {
    const isStream = Buffer.isBuffer(says) && says.includes('text/event-stream')
    const seen = await rig.meets({ says, ends, tries, isWhole: !isStream })
    expectOurSentence(JSON.parse(seen.text).error.message)
    if (ends === credentials || ends === misconfigured) {
      expect(seen.headers['x-should-retry']).toBe('false')
    }
  })

  test('a parameter of FastAPI’s is named in our way', async () => {
    const detail = [{ loc: ['body', 'stop', 0], msg: text }]
    const seen = await rig.meets({ says: error(422, { detail }), ends: rejected })
    expect(JSON.parse(seen.text).error.param).toBe('stop.0')
  })
})
