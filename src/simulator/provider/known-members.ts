// What OpenAI's API takes in a body, and nothing else: members that only vLLM knows are refused by
// their names, before the model or anything else is looked at.
import type { JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import type { OpenaiError } from './openai-error.ts'

const shared = [
  ...['model', 'frequency_penalty', 'logit_bias', 'logprobs', 'max_tokens', 'n'],
  ...['presence_penalty', 'seed', 'stop', 'stream', 'stream_options', 'temperature', 'top_p'],
  'user',
]
const chat: ReadonlySet<string> = new Set([
  ...shared,
  ...['messages', 'audio', 'function_call', 'functions', 'max_completion_tokens', 'metadata'],
  ...['modalities', 'moderation', 'parallel_tool_calls', 'prediction', 'prompt_cache_key'],
  ...['prompt_cache_options', 'prompt_cache_retention', 'reasoning_effort', 'response_format'],
  ...['safety_identifier', 'service_tier', 'store', 'tool_choice', 'tools', 'top_logprobs'],
  ...['verbosity', 'web_search_options'],
])
const completion: ReadonlySet<string> = new Set([
  ...shared,
  ...['prompt', 'best_of', 'echo', 'suffix'],
])
const streamOptions: ReadonlySet<string> = new Set(['include_usage', 'include_obfuscation'])

/** Null: OpenAI knows every member, and the one that must be there is. */
export function memberMistake(body: JsonObject, isChat: boolean): OpenaiError | null {
  const known = isChat ? chat : completion
  const strange = Object.keys(body).filter((name) => !known.has(name))
  if (strange.length > 0) {
    const noun = strange.length === 1 ? 'argument' : 'arguments'
    const message = `Unrecognized request ${noun} supplied: ${strange.join(', ')}`
    return { status: 400, message }
  }
  const options = isJsonObject(body.stream_options) ? body.stream_options : {}
  const [option] = Object.keys(options).filter((name) => !streamOptions.has(name))
  if (option !== undefined) {
    const param = `stream_options.${option}`
    const code = 'unknown_parameter'
    return { status: 400, message: `Unknown parameter: '${param}'.`, param, code }
  }
  if (typeof body.model !== 'string') {
    return { status: 400, message: 'you must provide a model parameter' }
  }
  const needed = isChat ? 'messages' : 'prompt'
  if (body[needed] !== undefined) return null
  const message = `Missing required parameter: '${needed}'.`
  return { status: 400, message, param: needed, code: 'missing_required_parameter' }
}
