// The rules that the answers of chat and completions share: how a choice ends, what vLLM adds to
// it, and the counts of tokens. A `stop_reason` stays: it tells a client which stop text was met.
import { isJsonObject, isUsage } from '#wire'
import {
  type AnswerRule,
  dropped,
  droppedWhenNull,
  droppedWhenUnreadable,
  either,
  inside,
  renamed,
} from './answer-rules.ts'
import { finishReason } from './finish-reason.ts'

/** Members of vLLM's answers that belong to the operator. */
export const answerStripped: readonly string[] = [
  'prompt_token_ids',
  'prompt_text',
  'prompt_logprobs',
  'kv_transfer_params',
  'ec_transfer_params',
  'metrics',
]

/** For a dialect that has these finish reasons. */
export function choiceRules(reasons: readonly string[]): readonly AnswerRule[] {
  return [
    finishReason(reasons),
    dropped('token_ids'),
    dropped('routed_experts'),
    dropped('prompt_token_ids'),
    dropped('prompt_logprobs'),
    droppedWhenNull('stop_reason'),
  ]
}

/** For a message or a part of one: strict clients refuse `"audio": null`. */
export const spokenRules: readonly AnswerRule[] = [
  droppedWhenNull('audio'),
  droppedWhenNull('reasoning'),
  droppedWhenNull('reasoning_content'),
]

const promptDetailRules: readonly AnswerRule[] = [
  ...renamed('created_cache_tokens', 'cache_write_tokens'),
  ...countsAmong('cached_tokens', 'audio_tokens', 'multimodal_tokens'),
]

const completionDetailRules = countsAmong(
  'reasoning_tokens',
  'audio_tokens',
  'accepted_prediction_tokens',
  'rejected_prediction_tokens',
)

/** The client sees the count that it is charged for. Some servers' totals exceed their parts. */
const completionTokens: AnswerRule = {
  member: 'completion_tokens',
  does: '0 where it is no count',
  applies: (usage) => !isCount(usage.completion_tokens),
  change: () => '0',
}

export const totalTokens: AnswerRule = {
  member: 'total_tokens',
  does: 'the sum of the others where it is no count',
  applies: (usage) => !isCount(usage.total_tokens),
  change: ({ prompt_tokens: prompt, completion_tokens: completion }) =>
    String(Number(prompt) + (isCount(completion) ? completion : 0)),
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

const usageRules: readonly AnswerRule[] = [
  completionTokens,
  totalTokens,
  noneOr('prompt_tokens_details', promptDetailRules),
  noneOr('completion_tokens_details', completionDetailRules),
]

/** Usage that cannot be read is not charged, so it is not shown either. */
export const wholeUsage: AnswerRule = either(
  droppedWhenUnreadable('usage', isUsage),
  inside('usage', usageRules),
)

const serviceTiers: readonly unknown[] = [null, 'auto', 'default', 'flex', 'scale', 'priority']

/** The top-level members that chunks and whole answers share. */
export const envelopeRules: readonly AnswerRule[] = [
  ...answerStripped.map(dropped),
  droppedWhenNull('system_fingerprint'),
  // Other servers have tiers of their own, which strict clients refuse.
  droppedWhenUnreadable('service_tier', (tier) => serviceTiers.includes(tier)),
  // The upstream's folder has found that it holds no error, but SDKs look whether it is there.
  // Given twice, the first may hold an error's text, which is for the operator only.
  dropped('error'),
]

function noneOr(member: string, within: readonly AnswerRule[]): AnswerRule {
  return either(droppedWhenUnreadable(member, isJsonObject), inside(member, within))
}

function countsAmong(...members: readonly string[]): readonly AnswerRule[] {
  return members.map((member) => droppedWhenUnreadable(member, isCount))
}
