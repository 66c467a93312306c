// What chat and completions put right in the same way: how a choice ends, what vLLM adds to it,
// and the count of tokens. `stop_reason` stays: it tells a client which of its stops was met.
import {
  type AnswerRule,
  dropped,
  droppedWhenNull,
  droppedWhenSet,
  either,
  inside,
  nullWhenMissing,
  renamed,
  replaced,
} from './answer-rules.ts'

/** Members of vLLM's answers that belong to the operator. */
export const answerStripped: readonly string[] = [
  'prompt_token_ids',
  'prompt_text',
  'prompt_logprobs',
  'kv_transfer_params',
  'ec_transfer_params',
  'metrics',
]

export const choiceRules: readonly AnswerRule[] = [
  // An engine that stops a loop has stopped.
  either(replaced('finish_reason', 'repetition', 'stop'), nullWhenMissing('finish_reason')),
  droppedWhenSet('token_ids'),
  droppedWhenSet('routed_experts'),
  droppedWhenSet('prompt_token_ids'),
  droppedWhenSet('prompt_logprobs'),
]

const promptDetailRules: readonly AnswerRule[] = [
  ...renamed('created_cache_tokens', 'cache_write_tokens'),
  droppedWhenNull('cached_tokens'),
  droppedWhenNull('multimodal_tokens'),
]

const usageRules: readonly AnswerRule[] = [
  noneOr('prompt_tokens_details', promptDetailRules),
  noneOr('completion_tokens_details', [droppedWhenNull('reasoning_tokens')]),
]

export const wholeUsage: AnswerRule = noneOr('usage', usageRules)

/** The members at the top that both answers share, streamed or whole. */
export const envelopeRules: readonly AnswerRule[] = [
  ...answerStripped.map(dropped),
  droppedWhenNull('system_fingerprint'),
]

function noneOr(member: string, within: readonly AnswerRule[]): AnswerRule {
  return either(droppedWhenNull(member), inside(member, within))
}
