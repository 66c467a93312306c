// Every refusal that a real server was recorded to give, in answer to a call that is valid: bare, in
// the words of a worker, and inside a 200, whole, as the first event of a stream and after a token.
// What the client gets is a fault of our table in a sentence of ours.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { vllmRefusedError } from '#src/wire/index.ts'
import { eventsOf } from '../support/client-call.ts'
import { chunk, done, event, usageOf } from '../support/scripted-upstream.ts'
import { kinds } from '../support/test-gateway.ts'
import { expectOurSentence, foreignRuns, textsIn } from './our-words.ts'
import { answer, stream, whole } from './raw-server.ts'
import { type Behaviour, hostileRig } from './upstream-rig.ts'

interface Refusal {
  name: string
  status: number
  contentType: string
  body: string
}

function golden(name: string): Refusal[] {
  const url = new URL(`../golden/upstream/${name}.json`, import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8'))
}

/** A full queue is no failure as long as there is time: the scenario `upstream-is-busy` tells of it. */
const refusals = [...golden('vllm-refusals'), ...golden('vllm-refusals-of-other-routes')].filter(
  ({ name }) => name !== 'queue-full',
)

interface Expected {
  status: number
  code: string
  param: string | null
}

const misconfigured = { status: 502, code: 'upstream_misconfigured', param: null }
const bad = { status: 502, code: 'upstream_bad_answer', param: null }

/** The parameters that are named to a client, by what the server called them. */
const params: Readonly<Record<string, string | null>> = {
  body: null,
  'body.15': null,
  'body.documents': null,
  response_id: null,
  'body.messages.0.ChatCompletionDeveloperMessageParam.content': 'messages.0',
}

const rejected = { status: 400, code: 'upstream_rejected' }

function expectedOf({ status, body }: Refusal): Expected {
  const { error } = JSON.parse(body)
  if (/maximum context length/.test(body)) {
    return { status: 400, code: 'context_length_exceeded', param: 'messages' }
  }
  if (/multimodal model/.test(body)) return { ...rejected, param: 'messages' }
  if (/Matryoshka/.test(body)) return { ...rejected, param: 'dimensions' }
  if (status === 404 || status === 405) return misconfigured
  if (status >= 500) return bad
  const param: string | null = error?.param ?? null
  const named = param === null ? null : (params[param] ?? param.replace(/^body\./, ''))
  const isKnown = param !== null && Object.hasOwn(params, param)
  return {
    ...rejected,
    param: isKnown ? (params[param] ?? null) : named,
  }
}

/** Without a status of its own, only an envelope says what is wrong. */
function expectedInside(refusal: Refusal): Expected {
  return JSON.parse(refusal.body).error === undefined ? bad : expectedOf(refusal)
}

const hello = chunk('Hello', { usage: usageOf(11, 1) })
const isWhole = true

interface Form {
  says(refusal: Refusal): Behaviour['says']
  expected(refusal: Refusal): Expected
  isWhole?: boolean
  isLate?: boolean
}

function inWorkersWords({ status, body }: Refusal): string {
  return JSON.stringify({ error: vllmRefusedError(status, body) })
}

/** What the worker itself hands over before anybody made a repr of it. */
function inWorkersObject({ status, body }: Refusal): string {
  const message = `vLLM returned HTTP ${status}: ${body}`
  return JSON.stringify({ error: { message, type: 'worker_error', code: null } })
}

function failedJob(refusal: Refusal): string {
  const error = vllmRefusedError(refusal.status, refusal.body)
  return JSON.stringify({ id: 'job-u1', status: 'FAILED', workerId: 'w', error })
}

const json = 'Content-Type: application/json'

/* biome-ignore format: a table reads as a table */
const forms: Record<string, Form> = {
  'bare':                                 { isWhole, expected: expectedOf, says: (one) => answer(`${one.status} No`, one.body, `Content-Type: ${one.contentType}`) },
  'bare, where a stream was asked for':   { expected: expectedOf, says: (one) => answer(`${one.status} No`, one.body, `Content-Type: ${one.contentType}`) },
  'as a repr in a 500':                   { isWhole, expected: expectedOf, says: (one) => answer('500 No', inWorkersWords(one), json) },
  'as a repr in a 400':                   { expected: expectedOf, says: (one) => answer('400 No', inWorkersWords(one), json) },
  'as a repr in the job that failed':     { isWhole, expected: expectedOf, says: (one) => whole(failedJob(one)) },
  'as a worker’s object in a 500':        { isWhole, expected: expectedOf, says: (one) => answer('500 No', inWorkersObject(one), json) },
  'as a worker’s object in a 200':        { expected: expectedOf, says: (one) => whole(inWorkersObject(one)) },
  'as a repr in the first event':         { expected: expectedOf, says: (one) => stream(`data: ${inWorkersWords(one)}\n\n`) },
  'as a repr after the first token':      { isLate: true, expected: expectedOf, says: (one) => stream(`${hello}data: ${inWorkersWords(one)}\n\n${done}`) },
  'inside a 200':                         { isWhole, expected: expectedInside, says: (one) => whole(one.body) },
  'in the first event':                   { expected: expectedInside, says: (one) => stream(event(JSON.parse(one.body)) + done) },
  'after the first token':                { isLate: true, expected: expectedInside, says: (one) => stream(hello + event(JSON.parse(one.body)) + done) },
}

test('there are refusals enough', () => {
  expect(refusals.length).toBeGreaterThan(60)
})

describe.each(kinds)('in front of %s, each recorded refusal', (kind) => {
  const rig = hostileRig(kind)

  test.each(Object.entries(forms))('%s', async (_name, form) => {
    for (const refusal of refusals) {
      const { status, code, param } = form.expected(refusal)
      const ends = form.isLate === true ? { after: 'Hello', code } : { status, code }
      const seen = await rig.ends({
        says: form.says(refusal),
        ends,
        isWhole: form.isWhole === true,
        tries: 1,
      })
      const told = form.isLate === true ? eventsOf(seen.text).events.at(-1) : JSON.parse(seen.text)
      const { message, param: named } = told.error
      expect([refusal.name, named]).toEqual([refusal.name, param])
      expectOurSentence(message)
      // What the client is told is ours; in the log, classes and parameters stand beside it.
      const ours = [message, param ?? '', 'application/json']
      const foreign = textsIn(JSON.parse(refusal.body)).join('\n')
      expect(foreignRuns(JSON.stringify([seen.headers, seen.text]), foreign, ours)).toEqual([])
      const type = JSON.parse(refusal.body).error?.type ?? ''
      const inLog = [...ours, 'input_tokens', `param ${param}`, type]
      expect(foreignRuns(seen.log, foreign, inLog)).toEqual([])
    }
  })
})
