// Every answer that a real vLLM gave, through our encoders: OpenAI's shape, and not a letter of its
// content changed.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { surfaces } from '#src/surfaces/index.ts'
import { checkAnswer } from '../support/schema-checks.ts'
import { callOf, chunkFrom, wholeEvent } from '../support/surface-call.ts'

const folder = 'tests/golden/recordings/vllm'

interface Recording {
  request: { path: string; body: Record<string, unknown> }
  response: { status: number; chunks: [number, string][] }
}

const recordings = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name): [string, Recording] => [name, JSON.parse(readFileSync(`${folder}/${name}`, 'utf8'))])
  .filter(([, { request, response }]) => {
    const isOurs = surfaces.some(({ path }) => path === request?.path)
    return isOurs && response.status === 200 && request.body && !('$shortened' in request.body)
  })

test('there are recordings of every route', () => {
  const paths = new Set(recordings.map(([, { request }]) => request.path))
  expect([...paths].sort()).toEqual(surfaces.map(({ path }) => path).sort())
})

test.each(recordings)('%s', (_name, { request, response }) => {
  const surface = surfaces.find(({ path }) => path === request.path)
  if (surface === undefined) throw new Error('a recording of another route')
  // What a real server took is not always what we take: only the answer is of interest here.
  const { stream, stream_options, n, prompt, messages, input } = request.body
  const body = { model: 'asked', stream, stream_options, n, prompt, messages, input }
  const call = callOf(surface, body)
  const encoder = surface.encoder(call)
  const text = response.chunks.map(([, piece]) => piece).join('')
  const pieces = call.stream ? dataOf(text) : [text]
  const events = pieces.map((piece) =>
    call.stream ? chunkFrom(piece) : wholeEvent(JSON.parse(piece)),
  )
  const shown = events.map((event) => encoder.take(event)).filter((one) => one !== null)
  expect(encoder.isComplete()).toBe(true)
  // A stream's usage comes with its end.
  const all = shown.join('') + (call.stream ? encoder.end('') : '')
  const contentType = call.stream ? 'text/event-stream' : 'application/json'
  checkAnswer({ path: surface.path, status: 200, contentType, text: all })
  const told = (call.stream ? dataOf(all) : [all]).map((one) => JSON.parse(one))
  expect(told.flatMap(ownNulls)).toEqual([])
  const before = pieces.map((piece) => contentIn(JSON.parse(piece)))
  const after = told.map(contentIn)
  expect(after).toEqual(call.wantsUsage || !call.stream ? before : before.filter(hasContent))
})

function dataOf(text: string): string[] {
  return text
    .split('\n\n')
    .filter((event) => event.startsWith('data: {'))
    .map((event) => event.slice('data: '.length))
}

interface Said {
  index: number
  text?: string
  delta?: { content?: string; tool_calls?: unknown; reasoning?: unknown }
  message?: { content?: string; tool_calls?: unknown; reasoning?: unknown }
  embedding?: unknown
}

/** Everything that a model said, and nothing of the envelope. */
function contentIn(answer: { choices?: Said[]; data?: Said[] }) {
  return (answer.choices ?? answer.data ?? []).map(({ index, text, delta, message, embedding }) => {
    const { content, tool_calls, reasoning } = delta ?? message ?? {}
    return { index, text, content, tool_calls, reasoning: reasoning ?? null, embedding }
  })
}

const vllmsOwn = ['audio', 'token_ids', 'routed_experts', 'stop_reason', 'reasoning']

/** Which of a server's own members an answer shows as null, in a choice or what it says. */
function ownNulls(answer: { choices?: Said[] }): string[] {
  const holders = (answer.choices ?? []).flatMap((choice) => [choice, choice.delta, choice.message])
  return [answer, ...holders].flatMap((holder = {}) =>
    Object.entries(holder).flatMap(([name, value]) =>
      value === null && [...vllmsOwn, 'prompt_logprobs'].includes(name) ? [name] : [],
    ),
  )
}

function hasContent(choices: unknown[]): boolean {
  return choices.length > 0
}
