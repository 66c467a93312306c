// The contract's part on refusals: every way in which a server says no, as a fault of our table, and
// nothing of the server's own text in it.
import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { FaultName, Started, TurnedAway } from '#src/domain/index.ts'
import { beginStream, chunk, done, event, type Script } from '../support/scripted-upstream.ts'
import { attempt, failureOf, listen, meet, type Subject, tornDown } from './subject.ts'

const canary = 'canary-5e1f of the upstream'

interface Refusal {
  name: string
  status: number
  body: string
  headers?: Record<string, string>
  expected: {
    kind: FaultName
    started?: Started
    turnedAway?: TurnedAway | null
    param?: string | null
  }
  /** The edge gave up: the worker behind it may go on. */
  lingers?: true
}

const json = { 'content-type': 'application/json' }
const html = { 'content-type': 'text/html; charset=UTF-8' }

function vllm(code: number, type: string, param: string | null = null): string {
  return JSON.stringify({ error: { message: canary, type, param, code } })
}

function wrapped(status: number, inner: string): string {
  const message = `vLLM returned HTTP ${status}: ${inner}`
  return JSON.stringify({ error: { message, type: 'worker_error', code: null } })
}

const page = `<!DOCTYPE html><html><title>${canary}</title></html>`

/* biome-ignore format: a table reads as a table */
const table: Refusal[] = [
  { name: 'HTML 524 of an edge',           status: 524, body: page, headers: html,               expected: { kind: 'first_byte_timeout', started: 'maybe' }, lingers: true },
  { name: 'HTML 502 of an edge',           status: 502, body: page, headers: html,               expected: { kind: 'upstream_bad_answer', started: 'maybe' }, lingers: true },
  { name: '524 of an edge, in a word',     status: 524, body: canary, headers: { 'content-type': 'text/plain' }, expected: { kind: 'first_byte_timeout', started: 'maybe' }, lingers: true },
  { name: '522 of an edge, in JSON',       status: 522, body: '{}',                              expected: { kind: 'upstream_unreachable', started: 'maybe' }, lingers: true },
  { name: '504',                           status: 504, body: '',                                expected: { kind: 'first_byte_timeout', started: 'maybe' } },
  { name: '408',                           status: 408, body: '{}',                              expected: { kind: 'first_byte_timeout', started: 'maybe' } },
  { name: '429',                           status: 429, body: vllm(429, 'TooMany'),              expected: { kind: 'overloaded', started: 'no', turnedAway: 'full' } },
  { name: '429 without a body',            status: 429, body: '',                                expected: { kind: 'overloaded', turnedAway: 'full' } },
  { name: '503, busy',                     status: 503, body: vllm(503, 'Service Unavailable'),  expected: { kind: 'overloaded', started: 'no', turnedAway: 'full' } },
  { name: '503, of another sort',          status: 503, body: vllm(503, 'Broken'),               expected: { kind: 'upstream_bad_answer', turnedAway: null } },
  { name: '401',                           status: 401, body: vllm(401, 'Unauthorized'),         expected: { kind: 'upstream_credentials', started: 'no' } },
  { name: '402',                           status: 402, body: canary,                            expected: { kind: 'upstream_credentials' } },
  { name: '403',                           status: 403, body: page, headers: html,               expected: { kind: 'upstream_credentials' } },
  { name: '413',                           status: 413, body: canary,                            expected: { kind: 'body_too_large', started: 'no' } },
  { name: '404',                           status: 404, body: '{"detail":"Not Found"}',          expected: { kind: 'upstream_misconfigured' } },
  { name: '405',                           status: 405, body: '{"detail":"Method Not Allowed"}', expected: { kind: 'upstream_misconfigured', started: 'no' } },
  { name: '400 that names a parameter',    status: 400, body: vllm(400, 'Bad Request', 'body.top_k'), expected: { kind: 'upstream_refused', started: 'no', param: 'top_k' } },
  { name: '400 that names an odd thing',   status: 400, body: vllm(400, 'Bad Request', canary),  expected: { kind: 'upstream_refused', param: null } },
  { name: '422',                           status: 422, body: `{"detail":"${canary}"}`,          expected: { kind: 'upstream_refused' } },
  { name: '500 with a string for an error', status: 500, body: `{"error":"${canary}"}`,          expected: { kind: 'upstream_bad_answer', started: 'maybe' } },
  { name: '500 with a text',               status: 500, body: canary, headers: { 'content-type': 'text/plain' }, expected: { kind: 'upstream_bad_answer' } },
  { name: '500 without a body',            status: 500, body: '', headers: {},                   expected: { kind: 'upstream_bad_answer' } },
  { name: '500 that says 400 inside',      status: 500, body: vllm(400, 'BadRequestError', 'n'), expected: { kind: 'upstream_refused', param: 'n' } },
  { name: '500 of a worker around a 400',  status: 500, body: wrapped(400, vllm(400, 'BadRequestError', 'temperature')), expected: { kind: 'upstream_refused', param: 'temperature' } },
  { name: '500 of a worker around a 503',  status: 500, body: wrapped(503, vllm(503, 'Service Unavailable')), expected: { kind: 'overloaded', turnedAway: 'full' } },
  { name: 'a redirect',                    status: 302, body: '', headers: { location: '/elsewhere' }, expected: { kind: 'upstream_bad_answer' } },
  { name: 'a 204',                         status: 204, body: '',                                expected: { kind: 'upstream_bad_answer' } },
  { name: 'a compressed answer',           status: 200, body: canary, headers: { ...json, 'content-encoding': 'gzip' }, expected: { kind: 'upstream_bad_answer', started: 'maybe' } },
  { name: '200 with an error object',      status: 200, body: vllm(500, 'InternalServerError'),  expected: { kind: 'upstream_bad_answer', started: 'yes' } },
  { name: '200 with a flat error',         status: 200, body: JSON.stringify({ object: 'error', message: canary, type: 'x', code: 400 }), expected: { kind: 'upstream_refused', started: 'yes' } },
  { name: '200 with a string for an error', status: 200, body: `{"error":"${canary}"}`,          expected: { kind: 'upstream_bad_answer', started: 'yes' } },
  { name: '200 without a body',            status: 200, body: '',                                expected: { kind: 'upstream_bad_answer', started: 'yes' } },
  { name: '200 with half a JSON',          status: 200, body: `{"choices":["${canary}`,          expected: { kind: 'upstream_bad_answer', started: 'yes' } },
  { name: '200 with a list',               status: 200, body: `["${canary}"]`,                   expected: { kind: 'upstream_bad_answer' } },
  { name: '200 with a page',               status: 200, body: page, headers: html,               expected: { kind: 'upstream_bad_answer' } },
]

const recorded: Recorded[] = JSON.parse(golden('vllm-refusals'))

interface Recorded {
  name: string
  status: number
  contentType: string
  body: string
}

function golden(name: string): string {
  return readFileSync(new URL(`../golden/upstream/${name}.json`, import.meta.url), 'utf8')
}

/** What a recorded refusal must become, by what was wrong with it. */
/** What is only said in words, and the parameter that it is about. */
const onlyInWords = { 'multimodal model': 'messages', Matryoshka: 'dimensions' }

function expectedOf({ name, status, body }: Recorded) {
  const param: unknown = JSON.parse(body).error?.param ?? null
  // A name of the server's own on the way, such as a class, is not said, nor what comes after it.
  const path = typeof param === 'string' ? param.replace(/^body\b\.?|\.[A-Z].*/g, '') : ''
  const plain = /^[a-z]/.test(path) ? path : null
  if (body.includes('maximum context length')) {
    return { kind: 'context_too_long', param: null, started: 'no' }
  }
  const said = Object.entries(onlyInWords).find(([words]) => body.includes(words))?.[1]
  if (said !== undefined) return { kind: 'upstream_refused', param: said, started: 'no' }
  if (name === 'queue-full') return { kind: 'overloaded', turnedAway: 'full', started: 'no' }
  if (status === 400) return { kind: 'upstream_refused', param: plain, started: 'no' }
  if (status === 404 || status === 405) return { kind: 'upstream_misconfigured', started: 'no' }
  return { kind: 'upstream_bad_answer', started: 'maybe' }
}

function says(status: number, headers: Record<string, string>, body: string): Script {
  return ({ response }) => void response.writeHead(status, headers).end(body)
}

export function refusalsContract(subject: Subject): void {
  describe('a refusal', () => {
    test.each(table)('$name', async ({ status, headers = json, body, expected, lingers }) => {
      const { server, upstream } = await meet(subject, says(status, headers, body))
      const one = attempt(upstream)
      const fault = await failureOf(one)
      expect(fault).toMatchObject(expected)
      expect(fault.message).not.toContain('canary')
      expect(inspect(fault.cause, { depth: 9, showHidden: true })).not.toContain('canary')
      const freed = { how: 'ended', cancellation: 'none' }
      expect(await one.released).toEqual(lingers === true ? tornDown(subject) : freed)
      await upstream.close()
      expect(one.releases).toHaveLength(1)
      expect(server.calls).toHaveLength(1)
    })

    test.each(recorded)('of a real server: $name', async (refusal) => {
      const { status, contentType, body } = refusal
      const headers = { 'content-type': contentType }
      const { upstream } = await meet(subject, says(status, headers, body))
      const fault = await failureOf(attempt(upstream))
      expect(fault).toMatchObject(expectedOf(refusal))
      const foreign = String(JSON.parse(body).error?.message ?? 'Not Found').slice(0, 30)
      // The limit of the context is told in words that every OpenAI client knows.
      if (fault.kind !== 'context_too_long') expect(fault.message).not.toContain(foreign)
      expect(fault.message).not.toMatch(/smollm|validation error/)
      expect(inspect(fault.cause)).not.toContain(foreign)
    })

    test('that never ends its body is over at the deadline of the first byte', async () => {
      const { server, upstream } = await meet(
        subject,
        ({ response }) => void response.writeHead(500, json).write('{"error":'),
        { firstByteMs: 30 },
      )
      const one = attempt(upstream)
      expect(await failureOf(one)).toMatchObject({ kind: 'first_byte_timeout', started: 'maybe' })
      await (await server.nextCall()).closed
      expect(await one.released).toEqual(tornDown(subject))
    })

    test('of ten megabytes is understood, and not held', async () => {
      const body = JSON.stringify({ error: { message: 'x'.repeat(10_000_000), code: 400 } })
      const { upstream } = await meet(subject, says(429, json, body))
      expect(await failureOf(attempt(upstream))).toMatchObject({ kind: 'overloaded' })
    })
  })

  describe('an error in the middle of a stream', () => {
    const error = event({ error: { message: canary, type: 'InternalServerError', code: 500 } })
    const failed = { kind: 'failed', fault: { kind: 'upstream_bad_answer', started: 'yes' } }
    const ended = { how: 'ended', cancellation: 'none' }

    /* biome-ignore format: a table reads as a table */
    test.each([
      ['an error',                 error,                                     ended],
      ['a string for an error',    event({ error: canary }),                  ended],
      ['a flat error',             event({ object: 'error', message: canary, code: 500 }), ended],
      // What we find out the upstream does not know: it may go on, and is stopped.
      ['half a JSON',              `data: {"choices":["${canary}\n\n`,        tornDown(subject)],
      ['a list',                   `data: ["${canary}"]\n\n`,                 tornDown(subject)],
      ['a text',                   `data: ${canary}\n\n`,                     tornDown(subject)],
    ])('%s is told in its place, with no foreign word', async (_what, text, how) => {
      const { upstream } = await meet(subject, (call) => {
        beginStream(call)
        call.response.end(chunk('one') + text + done)
      })
      const one = attempt(upstream)
      const { events } = await listen(await one.answer)
      expect(events).toMatchObject([{ kind: 'chunk' }, failed])
      const [, told] = events
      if (told?.kind !== 'failed') throw new Error('nothing failed')
      expect(inspect([told.fault.message, told.fault.cause])).not.toContain('canary')
      expect(await one.released).toEqual(how)
    })

    test('of a null is none', async () => {
      const { upstream } = await meet(subject, (call) => {
        beginStream(call)
        call.response.end(chunk('one', { error: null }) + done)
      })
      const { events } = await listen(await attempt(upstream).answer)
      expect(events.map(({ kind }) => kind)).toEqual(['chunk', 'done'])
    })

    test('is what a real server sends whose engine dies, before its mark of the end', async () => {
      const pieces: string[] = JSON.parse(golden('vllm-engine-killed-stream'))
      const { upstream } = await meet(subject, (call) => {
        beginStream(call)
        for (const piece of pieces) call.response.write(piece)
        call.response.end()
      })
      const { events } = await listen(await attempt(upstream).answer)
      const kinds = events.map(({ kind }) => kind)
      // Its mark of the end is no part of an answer that failed.
      expect(kinds.at(-1)).toBe('failed')
      expect(kinds.slice(0, -1).every((kind) => kind === 'chunk')).toBe(true)
    })
  })
}
