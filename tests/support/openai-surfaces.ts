// The one table of OpenAI's surfaces: how each is asked, what an upstream says on it and how its
// answer is read. The promise scenarios run over it, so that a surface that is added is one row.
import type { Scope, SurfaceName } from '#src/domain/index.ts'
import { eventsOf } from './client-call.ts'
import {
  answerWhole,
  beginStream,
  chunk,
  done,
  event,
  type Script,
  usageOf,
  wholeAnswer,
} from './scripted-upstream.ts'

/** JSON that a test reads at its own risk: whatever is missing fails it. */
type Json = Record<string, unknown>

/** What a vLLM says in a stream of a surface, piece by piece. */
export interface StreamWords {
  chunk(text: string, extra?: Json): string
  last(index?: number, reason?: string): string
  usage(prompt: number, completion: number): string
  /** One choice of a chunk. */
  choice(index: number, text: string, finish_reason?: string | null): Json
}

interface OpenaiSurface {
  /** As configuration and records name it. */
  name: SurfaceName
  path: string
  scope: Scope
  hasTools: boolean
  /** A good body of a whole answer; `stream: true` makes it a stream's where there is one. */
  body(prompt: string): Json
  promptOf(body: Json): string
  /** What makes a body one that has to be refused. */
  bad: Json
  whole(text: string): string
  /** Tokens of a whole answer. */
  tokens: { prompt: number; completion: number }
  words: StreamWords | null
  /** Of a whole answer or, where there is one, of a chunk. */
  read: { text(answer: Json, index: number): string; finish(answer: Json, index: number): unknown }
}

const model = 'test-model'

const chatWords: StreamWords = {
  chunk,
  last: (index = 0, reason = 'stop') =>
    chunk('', { choices: [chatWords.choice(index, '', reason)] }),
  usage: (prompt, completion) => chunk('', { choices: [], usage: usageOf(prompt, completion) }),
  choice: (index, content, finish_reason = null) => ({
    index,
    delta: content === '' ? {} : { content },
    logprobs: null,
    finish_reason,
  }),
}

const completionHead = {
  id: 'cmpl-1',
  object: 'text_completion',
  created: 1795271597,
  model: 'served/model',
}

const completionWords: StreamWords = {
  chunk: (text, extra = {}) =>
    event({ ...completionHead, choices: [completionWords.choice(0, text)], ...extra }),
  last: (index = 0, reason = 'stop') =>
    completionWords.chunk('', { choices: [completionWords.choice(index, '', reason)] }),
  usage: (prompt, completion) =>
    completionWords.chunk('', { choices: [], usage: usageOf(prompt, completion) }),
  choice: (index, text, finish_reason = null) => ({
    index,
    text,
    logprobs: null,
    finish_reason,
    stop_reason: null,
  }),
}

export const openaiSurfaces: readonly OpenaiSurface[] = [
  {
    name: 'openai-chat',
    path: '/v1/chat/completions',
    scope: 'chat',
    hasTools: true,
    body: (content) => ({ model, messages: [{ role: 'user', content }] }),
    promptOf: ({ messages }) => String(listed(messages, 0).content),
    bad: { temperature: 7 },
    whole: wholeAnswer,
    tokens: { prompt: 11, completion: 5 },
    words: chatWords,
    read: {
      text(answer, index) {
        const { delta, message } = choiceOf(answer, index)
        return String(((delta ?? message ?? {}) as Json).content ?? '')
      },
      finish: (answer, index) => choiceOf(answer, index).finish_reason,
    },
  },
  {
    name: 'openai-completions',
    path: '/v1/completions',
    scope: 'chat',
    hasTools: false,
    body: (prompt) => ({ model, prompt }),
    promptOf: ({ prompt }) => String(prompt),
    bad: { temperature: 7 },
    whole: (text) =>
      JSON.stringify({
        ...completionHead,
        choices: [completionWords.choice(0, text, 'stop')],
        usage: usageOf(11, 5),
        kv_transfer_params: null,
      }),
    tokens: { prompt: 11, completion: 5 },
    words: completionWords,
    read: {
      text: (answer, index) => String(choiceOf(answer, index).text ?? ''),
      finish: (answer, index) => choiceOf(answer, index).finish_reason,
    },
  },
  {
    name: 'embeddings',
    path: '/v1/embeddings',
    scope: 'embeddings',
    hasTools: false,
    body: (input) => ({ model, input, encoding_format: 'base64' }),
    promptOf: ({ input }) => String(input),
    bad: { dimensions: 0 },
    // The text stands where a packed vector would.
    whole: (embedding) =>
      JSON.stringify({
        id: 'embd-1',
        object: 'list',
        created: 1795272486,
        model: 'served/model',
        data: [{ index: 0, object: 'embedding', embedding }],
        usage: usageOf(11, 0),
      }),
    tokens: { prompt: 11, completion: 0 },
    words: null,
    read: { text: ({ data }, index) => String(listed(data, index).embedding), finish: () => null },
  },
]

export const allSurfaces = openaiSurfaces.map(({ name }) => name)

/** A way to ask: a surface, whole or streamed. */
export interface Asking {
  /** For titles: `embeddings`, `openai-chat, streamed`. */
  name: string
  surface: OpenaiSurface
  path: string
  stream: boolean
  body(extra?: Json, prompt?: string): Json
}

export interface StreamAsking extends Asking {
  words: StreamWords
}

export const wholeAskings: readonly Asking[] = openaiSurfaces.map((surface) =>
  asking(surface, false),
)

export const streamAskings: readonly StreamAsking[] = openaiSurfaces.flatMap((surface) =>
  surface.words === null ? [] : [{ ...asking(surface, true), words: surface.words }],
)

export const askings: readonly Asking[] = [...streamAskings, ...wholeAskings]

function asking(surface: OpenaiSurface, stream: boolean): Asking {
  const { name, path } = surface
  return {
    name: stream ? `${name}, streamed` : name,
    surface,
    path,
    stream,
    body: (extra = {}, prompt = 'Hi') => ({
      ...surface.body(prompt),
      ...(stream ? { stream } : {}),
      ...extra,
    }),
  }
}

/** Of which surface an upstream was asked. */
function surfaceAt(url = ''): OpenaiSurface {
  const found = openaiSurfaces.find(({ path }) => url.endsWith(path))
  if (found === undefined) throw new Error(`no surface is asked at ${url}`)
  return found
}

/** What a call at an upstream says of itself. */
export function askedOf(call: Parameters<Script>[0]) {
  const surface = surfaceAt(call.request.url)
  const body: Json = JSON.parse(call.body)
  const words = body.stream === true ? surface.words : null
  return { surface, body, words, prompt: surface.promptOf(body) }
}

/** A good short answer on any surface, streamed or whole as it was asked for. */
export const answerGood: Script = (call) => {
  const { surface, words } = askedOf(call)
  if (words === null) return answerWhole(call, surface.whole('Hello there'))
  beginStream(call)
  call.response.end(
    [
      words.chunk('Hello', { usage: usageOf(11, 1) }),
      words.chunk(' there', { usage: usageOf(11, 2) }),
      words.last(),
      words.usage(11, 2),
      done,
    ].join(''),
  )
}

/** What a client makes of an answer of one choice. */
interface Said {
  text: string
  finish: unknown
  /** Each with its envelope. */
  errors: Json[]
  isComplete: boolean
}

export function readAnswer({ surface, stream }: Asking, answer: string): Said {
  if (!stream || answer.startsWith('{')) {
    const value: Json = JSON.parse(answer)
    if ('error' in value) return { text: '', finish: null, errors: [value], isComplete: false }
    const { text, finish } = surface.read
    return { text: text(value, 0), finish: finish(value, 0), errors: [], isComplete: true }
  }
  const { events, isDone } = eventsOf(answer)
  const errors = events.filter((one) => 'error' in one)
  const chunks = events.filter(({ choices }) => Array.isArray(choices) && choices.length > 0)
  return {
    text: chunks.map((one) => surface.read.text(one, 0)).join(''),
    finish: chunks.map((one) => surface.read.finish(one, 0)).findLast((one) => one != null),
    errors,
    isComplete: isDone && errors.length === 0,
  }
}

/** Of a choice that a chunk does not have, nothing is said. */
function choiceOf({ choices }: Json, index: number): Json {
  return (choices as Json[]).find((choice) => choice.index === index) ?? {}
}

function listed(list: unknown, at: number): Json {
  return (list as Json[])[at] ?? {}
}
