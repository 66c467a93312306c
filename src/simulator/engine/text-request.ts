// What the engine acts on in a request for text, whichever route it came by. Everything else in the
// body is accepted and ignored, as vLLM does.
import type { JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import { numberOr } from './field-checks.ts'
import { badValue } from './refusal.ts'

/** The model of an engine, as far as requests are measured against it. */
export interface ModelProfile {
  name: string
  contextTokens: number
}

/** What form the text takes. */
export type Shape =
  | { kind: 'prose' }
  | { kind: 'json'; schema: unknown }
  | { kind: 'choice'; options: readonly string[] }
  | { kind: 'regex'; pattern: string }
  | { kind: 'tool'; name: string; parameters: unknown; forced: boolean }

export interface Prompt {
  text: string
  tokens: number
}

export interface TextRequest {
  model: string
  prompts: readonly Prompt[]
  shape: Shape
  maxTokens: number
  minTokens: number
  ignoreEos: boolean
  stops: readonly string[]
  includeStop: boolean
  n: number
  stream: boolean
  includeUsage: boolean
  continuousUsage: boolean
  logprobs: boolean
  topLogprobs: number
  promptLogprobs: number | null
  returnTokenIds: boolean
  echo: boolean
  /** What was asked for in another dialect's own words, where the answer repeats it. */
  asked?: JsonObject
  /** Nothing but the prompt is to come back. */
  echoOnly: boolean
  seed: number | null
  temperature: number
}

export function promptTokens({ prompts }: TextRequest): number {
  return prompts.reduce((sum, { tokens }) => sum + tokens, 0)
}

/** The fields that chat and completions have in common. */
export function sharedFields(body: JsonObject) {
  const options = isJsonObject(body.stream_options) ? body.stream_options : {}
  const stop = body.stop
  const stops = typeof stop === 'string' ? [stop] : Array.isArray(stop) ? stop : []
  const prompt = body.prompt_logprobs
  return {
    minTokens: numberOr(body.min_tokens, 0),
    ignoreEos: body.ignore_eos === true,
    stops: stops.filter((one): one is string => typeof one === 'string' && one !== ''),
    includeStop: body.include_stop_str_in_output === true,
    n: numberOr(body.n, 1),
    stream: body.stream === true,
    includeUsage: options.include_usage === true,
    continuousUsage: options.include_usage === true && options.continuous_usage_stats === true,
    promptLogprobs: typeof prompt === 'number' ? prompt : null,
    returnTokenIds: body.return_token_ids === true,
    seed: typeof body.seed === 'number' ? body.seed : null,
    temperature: numberOr(body.temperature, 1),
  }
}

export function checkStreamOptions(body: JsonObject): void {
  if (!isJsonObject(body.stream_options) || body.stream === true) return
  throw badValue('Stream options can only be defined when `stream=True`.', 'stream_options')
}

/** Whether prompt and answer fit; gives back the tokens that an answer may have. */
export function fitContext(
  room: number,
  tokens: number,
  asked: number | null,
  field: string,
): number {
  if (asked !== null && asked > room) {
    const message =
      `${field}=${asked} cannot be greater than max_model_len=${room}. ` +
      'Please request fewer output tokens.'
    throw badValue(message, field, String(asked))
  }
  if (tokens > room) {
    const message =
      `This model's maximum context length is ${room} tokens. However, your prompt contains ` +
      `at least ${room + 1} input tokens, which exceeds this limit even without any output ` +
      'tokens. Please reduce the length of the input prompt.'
    throw badValue(message, 'input_tokens', String(room + 1))
  }
  return Math.max(1, Math.min(asked ?? room, room - tokens))
}

const logprobsPerTokenMax = 20

/** vLLM's own bound; of the prompt, "all" is -1. */
export function checkLogprobsBound(asked: number, whose: 'sample' | 'prompt'): void {
  if (asked <= logprobsPerTokenMax) return
  const max = `which is greater than max allowed: ${logprobsPerTokenMax}`
  const param = whose === 'sample' ? 'logprobs' : 'prompt_logprobs'
  throw badValue(`Requested ${whose} logprobs of ${asked}, ${max}`, param, String(asked))
}
