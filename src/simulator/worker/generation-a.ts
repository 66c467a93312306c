// How a worker of the first generation (up to 2.23) answered, with vLLM inside its own process: few
// routes, streams as whole events glued together in batches of 1, 3, 9, 27 and then 50, and a
// shorthand with shapes of its own. A refusal is the repr of vLLM's error object.
import type { JsonObject } from '#domain'
import { isJsonObject, parseObject, pythonRepr } from '#wire'
import type { JobSink } from '../job-sink.ts'
import type { ReplySink } from '../reply-sink.ts'
import { type Handler, jsonRequest, type WorkerFacts, type WorkerRequest } from './handler.ts'
import { openPosts, type PostPace } from './posts.ts'

/** `DEFAULT_BATCH_SIZE`, `MIN_BATCH_SIZE` and `BATCH_SIZE_GROWTH_FACTOR`, left as they are. */
const batchMax = 50
const batchMin = 1
const growth = 3

/** Events that wait for their post; then vLLM waits. */
const waitingMax = 1000

const routes = new Set([
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/models',
  '/v1/responses',
  '/v1/messages',
])

export function generationA(input: JsonObject, sink: JobSink, worker: WorkerFacts): Handler {
  const isNative = typeof input.openai_route !== 'string'
  const request = isNative ? nativeRequest(input, worker.servedModel) : routeRequest(input)
  if (request === null) sink.failed(invalid(isNative ? 'No prompt was given' : 'Invalid route'))
  const shape = isNative ? nativeShape() : null
  const batches = openBatches(sink, worker, gluing(shape, worker.rawOutput))
  const answer: ReplySink = {
    whole(status, body) {
      if (status >= 400) return sink.failed(refusal(status, body))
      batches.whole(shape === null ? parseObject(body) : shape.whole(parseObject(body) ?? {}))
      batches.end()
    },
    tornWhole: (body) => sink.torn(body),
    open() {},
    event: (text) => batches.add(text),
    whenDrained: batches.whenDrained,
    end: batches.end,
    breakOff() {
      batches.stop()
      sink.torn('')
    },
  }
  return { request, answer, stop: batches.stop }
}

/** The handler counts events and yields them together, more each time, so that a long answer costs
 * few posts and comes in lumps. */
function openBatches(sink: JobSink, pace: PostPace, glue: (events: string[]) => unknown) {
  let waiting: string[] = []
  let size = batchMin
  const posts = openPosts(sink, pace, (isEnded) => {
    if (waiting.length === 0 || (waiting.length < size && !isEnded)) return undefined
    const events = waiting.slice(0, size)
    waiting = waiting.slice(size)
    size = Math.min(size * growth, batchMax)
    return glue(events)
  })
  return {
    ...posts,
    /** False: wait for `whenDrained`. */
    add(event: string): boolean {
      waiting.push(event)
      posts.flush()
      return waiting.length < waitingMax
    },
  }
}

/** `{"choices":[{"tokens":[…]}],"usage":{…}}`, for whole answers and batches of a stream alike. */
function nativeShape() {
  let usage = { input: 0, output: 0 }

  function count(value: JsonObject): void {
    if (!isJsonObject(value.usage)) return
    const { prompt_tokens: input, completion_tokens: output } = value.usage
    usage = { input: Number(input), output: Number(output) }
  }

  return {
    whole(answer: JsonObject): object {
      count(answer)
      return { choices: choicesOf(answer).map((choice) => ({ tokens: [textOf(choice)] })), usage }
    },
    streamed(chunks: readonly JsonObject[]): object {
      const tokens: string[][] = [[]]
      for (const chunk of chunks) {
        count(chunk)
        for (const choice of choicesOf(chunk)) {
          const at = Number(choice.index ?? 0)
          while (tokens.length <= at) tokens.push([])
          const text = textOf(choice)
          if (text !== '') tokens[at]?.push(text)
        }
      }
      return { choices: tokens.map((texts) => ({ tokens: texts })), usage }
    },
  }
}

function choicesOf(value: JsonObject): JsonObject[] {
  return Array.isArray(value.choices) ? value.choices.filter(isJsonObject) : []
}

/** Of a completion, a chat, or a chunk of one. */
function textOf(choice: JsonObject): string {
  const holders = [choice, choice.message, choice.delta].filter(isJsonObject)
  const texts = holders.flatMap(({ text, content }) => [text, content])
  return String(texts.find((text) => typeof text === 'string') ?? '')
}

function routeRequest(input: JsonObject): WorkerRequest | null {
  const route = String(input.openai_route)
  return routes.has(route) ? jsonRequest(route, input.openai_input, undefined) : null
}

/** The shorthand generates 100 tokens unless it is told otherwise. */
function nativeRequest(input: JsonObject, model: string): WorkerRequest | null {
  const sampling = isJsonObject(input.sampling_params) ? input.sampling_params : {}
  const stream = input.stream === true
  const usage = { include_usage: true, continuous_usage_stats: true }
  const streaming = stream ? { stream, stream_options: usage } : {}
  const shared = { model, max_tokens: 100, ...sampling, ...streaming }
  if (Array.isArray(input.messages)) {
    const body = { messages: input.messages, ...shared }
    return jsonRequest('/v1/chat/completions', body, 'POST')
  }
  if (typeof input.prompt !== 'string') return null
  return jsonRequest('/v1/completions', { prompt: input.prompt, ...shared }, 'POST')
}

/** What becomes of the events of a batch: text, the shorthand's tokens, or lists of chunks. */
function gluing(
  shape: ReturnType<typeof nativeShape> | null,
  isRaw: boolean,
): (events: string[]) => unknown {
  if (shape !== null) return (events) => shape.streamed(events.flatMap(dataOf))
  return isRaw ? (events) => events.join('') : (events) => events.flatMap(dataOf)
}

/** Nothing for `[DONE]`. */
function dataOf(event: string): JsonObject[] {
  const value = parseObject(event.replace(/^data: /, ''))
  return value === null ? [] : [value]
}

function refusal(status: number, body: string): string {
  const error = parseObject(body)?.error
  if (isJsonObject(error)) return pythonRepr(error)
  return pythonRepr({ message: body, type: 'InternalServerError', param: null, code: status })
}

function invalid(message: string): string {
  return pythonRepr({ message, type: 'BadRequestError', param: null, code: 400 })
}
