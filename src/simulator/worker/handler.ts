// The handler of a worker: it reads a job's input as a request to vLLM, and turns vLLM's answer
// into what the job yields and how the job ends. Each generation of worker-vllm has its own:
// generation-a.ts and generation-b.ts.
import type { JsonObject } from '#domain'
import { isJsonObject, parseObject } from '#wire'
import type { Chance } from '../engine/random.ts'
import type { ReplySink } from '../reply-sink.ts'
import type { Personality } from './personality.ts'
import type { PostPace } from './posts.ts'

export interface Handler {
  /** Null: the input was refused, and the sink was told. */
  request: WorkerRequest | null
  answer: ReplySink
  /** The job was stopped: it yields nothing more, and does not end. */
  stop(): void
}

export interface WorkerRequest {
  method: string
  path: string
  body: Buffer
}

/** What a handler knows of the worker that it runs in. */
export interface WorkerFacts extends PostPace, Personality {
  servedModel: string
  chance: Chance
}

/** How the vLLM worker (2.24 and later) reads a job's input: a route of vLLM with its body, or the
 * shorthand of a prompt or messages with sampling parameters. Null: none of the known forms, and
 * the job fails. `servedModel` is filled in where the job names no model. */
export function readJobInput(input: JsonObject, servedModel: string): WorkerRequest | null {
  if (typeof input.openai_route === 'string') {
    return jsonRequest(input.openai_route, input.openai_input, undefined)
  }
  if (typeof input.route === 'string') return jsonRequest(input.route, input.body, input.method)
  const sampling = isJsonObject(input.sampling_params) ? input.sampling_params : {}
  const stream = input.stream === true ? { stream: true } : {}
  if (Array.isArray(input.messages)) {
    const body = { model: servedModel, messages: input.messages, ...sampling, ...stream }
    return jsonRequest('/v1/chat/completions', body, 'POST')
  }
  if (typeof input.prompt !== 'string') return null
  const body = { model: servedModel, prompt: input.prompt, ...sampling, ...stream }
  return jsonRequest('/v1/completions', body, 'POST')
}

/** The worker decides by the request, not by the answer, whether it passes on pieces. */
export function asksForStream(body: Buffer): boolean {
  return body.includes('"stream"') && parseObject(body.toString('utf8'))?.stream === true
}

export function jsonRequest(path: string, body: unknown, method: unknown): WorkerRequest {
  const filled = isJsonObject(body) && Object.keys(body).length > 0
  const bytes = filled ? Buffer.from(JSON.stringify(body)) : Buffer.alloc(0)
  const verb = typeof method === 'string' ? method : filled ? 'POST' : 'GET'
  return { method: verb, path: path.startsWith('/') ? path : `/${path}`, body: bytes }
}
