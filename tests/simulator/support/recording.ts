// Recorded answers of a real vLLM, and how two answers are compared: not by their words, but by
// their keys in order, the types of their values, and the order of their events.
import { readdirSync, readFileSync } from 'node:fs'

export interface Recording {
  name: string
  request: {
    method: string
    path: string
    headers: { [name: string]: string }
    body?: unknown
    bodyText?: string
  }
  response: { status: number; headers: { [name: string]: string }; chunks: [number, string][] }
}

const folder = new URL('../../golden/recordings/', import.meta.url)

/** By folder and name, as in `faults/queue-full`. */
export function readRecorded(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'))
}

/** Every recording of one request and its answer. */
export function allRecordings(): Recording[] {
  const names = readdirSync(new URL('vllm/', folder)).filter((name) => name.endsWith('.json'))
  return names.map((name) => recordedVllm(name.slice(0, -5)))
}

export function recordedVllm(name: string): Recording {
  return readRecorded(`vllm/${name}`) as Recording
}

/** The bytes of the recorded request, with what was shortened in it put back. */
export function requestBytes({ request }: Recording): Buffer | null {
  if (request.bodyText !== undefined) return Buffer.from(request.bodyText, 'latin1')
  if (request.body === undefined) return null
  const { $shortened, ...body } = request.body as { [name: string]: unknown }
  if (typeof $shortened !== 'string') return Buffer.from(JSON.stringify(request.body))
  const [, text = '', times = '0'] = /'([^']*)' × (\d+)/.exec($shortened) ?? []
  const long = text.repeat(Number(times))
  if (body.messages === '…') body.messages = [{ role: 'user', content: long }]
  if (body.prompt === '…') body.prompt = long
  return Buffer.from(JSON.stringify(body))
}

export function bodyText({ response }: Recording): string {
  return response.chunks.map(([, text]) => text).join('')
}

/** `path: type` for everything in a value, in order; members of a list count once. */
export function shapeOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) {
    const inner = value.flatMap((item) => shapeOf(item, `${path}[]`))
    return [`${path}: list`, ...new Set(inner)]
  }
  if (typeof value !== 'object' || value === null) {
    return [`${path}: ${value === null ? 'null' : typeof value}`]
  }
  const members = Object.entries(value).flatMap(([name, item]) => {
    return shapeOf(item, `${path}.${isKeyedByToken(path, name) ? '*' : name}`)
  })
  return [`${path}: object`, ...new Set(members)]
}

/** Two maps have tokens for keys: alternatives of completions, and prompt log probabilities. */
function isKeyedByToken(path: string, name: string): boolean {
  return /(?:logprobs\.top_logprobs|\.prompt_logprobs)\[\]$/.test(path) && name !== ''
}

export interface StreamedEvent {
  kind: string
  value: unknown
}

export function readEvents(text: string): StreamedEvent[] {
  const blocks = text.split('\n\n').filter((block) => block !== '')
  return blocks.map((block) => {
    const name = /^event: (.+)\n/.exec(block)?.[1]
    const data = block.replace(/^(?:event: .+\n)?data: /, '')
    const value: unknown = data === '[DONE]' ? null : JSON.parse(data)
    return { kind: name ?? kindOf(value), value }
  })
}

interface Chunk {
  error?: unknown
  choices?: {
    delta?: { role?: string; content?: string | null; tool_calls?: { id?: string }[] }
    text?: string
    finish_reason: string | null
  }[]
}

function kindOf(value: unknown): string {
  if (value === null) return 'done'
  const chunk = value as Chunk
  if (chunk.error !== undefined) return 'error'
  const choice = chunk.choices?.[0]
  if (choice === undefined) return 'usage'
  return `${seen(choice)}${choice.finish_reason === null ? '' : ' and finish'}`
}

function seen({ delta, text }: NonNullable<Chunk['choices']>[number]): string {
  if (text !== undefined) return 'text'
  if (delta?.role !== undefined) return 'role'
  if (delta?.tool_calls?.[0]?.id !== undefined) return 'tool name'
  if (delta?.tool_calls !== undefined) return 'tool arguments'
  return delta?.content === undefined ? 'nothing' : 'content'
}

/** The kinds in order, each run of one kind once. */
export function orderOf(events: readonly StreamedEvent[]): string[] {
  const kinds = events.map(({ kind }) => kind)
  return kinds.filter((kind, at) => kind !== kinds[at - 1])
}

export function finishReasons(value: unknown): string[] {
  const choices = (value as Chunk | null)?.choices ?? []
  return choices.flatMap((choice) => (choice.finish_reason === null ? [] : [choice.finish_reason]))
}
