// Which parameters of a chat call are checked, and which never reach an upstream.
import { isJsonObject } from '#wire'
import { array, boolean, integer, number, object, type Rule, rule, text } from '../rules.ts'

/** The most choices of one call: each is a sequence of its own on the GPU. */
const choicesMax = 8
const stopStringsMax = 4

export const chatRules: readonly Rule[] = [
  boolean('stream'),
  object('stream_options'),
  integer('n', 1, choicesMax),
  integer('max_tokens', 1),
  integer('max_completion_tokens', 1),
  number('temperature', 0, 2),
  rule('top_p', 'a number above 0 and at most 1', (v) => typeof v === 'number' && v > 0 && v <= 1),
  number('presence_penalty', -2, 2),
  number('frequency_penalty', -2, 2),
  integer('seed', Number.MIN_SAFE_INTEGER),
  boolean('logprobs'),
  integer('top_logprobs', 0, 20),
  object('logit_bias'),
  rule('stop', `a string or up to ${stopStringsMax} strings, none empty`, isStop),
  array('tools'),
  rule('tool_choice', 'none, auto, required or a function', (v) => isToolChoice(v)),
  boolean('parallel_tool_calls'),
  rule('response_format', 'an object with a type', (v) => isJsonObject(v) && hasType(v)),
  text('user'),
]

/**
 * Members that tenants may not send on: some choose scheduling, cache or routing inside the server,
 * some show what belongs to the operator, some are for OpenAI alone and read by us.
 */
export const chatStripped: ReadonlySet<string> = new Set([
  'priority',
  'request_id',
  'session_id',
  'kv_transfer_params',
  'ec_transfer_params',
  'vllm_xargs',
  'cache_salt',
  'chat_template',
  'media_io_kwargs',
  'mm_processor_kwargs',
  'use_beam_search',
  'return_token_ids',
  'return_tokens_as_token_ids',
  'return_prompt_text',
  'prompt_embeds',
  'prompt_logprobs',
  'routed_experts_prompt_start',
  'stream_interval',
  'user',
  'metadata',
  'store',
  'service_tier',
  'prediction',
  'moderation',
  'safety_identifier',
])

/** Members of vLLM's answers that belong to the operator. */
export const answerStripped: readonly string[] = [
  'prompt_token_ids',
  'prompt_text',
  'prompt_logprobs',
  'kv_transfer_params',
  'ec_transfer_params',
  'metrics',
]

function isStop(value: unknown): boolean {
  const strings = Array.isArray(value) ? value : [value]
  return (
    strings.length <= stopStringsMax &&
    strings.every((one) => typeof one === 'string' && one !== '')
  )
}

function isToolChoice(value: unknown): boolean {
  return value === 'none' || value === 'auto' || value === 'required' || isJsonObject(value)
}

function hasType(value: Record<string, unknown>): boolean {
  return typeof value.type === 'string'
}
