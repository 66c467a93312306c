// The rules that chat and completions share: parameters that choose among tokens.
import { isJsonObject } from '#wire'
import { boolean, int64, integer, number, object, type Rule, refused, rule, text } from './rules.ts'

/** The most choices of one prompt: each is a sequence of its own on the GPU. */
export const choicesMax = 8
/** More would be computed than a server is asked for elsewhere. */
export const topLogprobsMax = 20
const stopStringsMax = 4
const constraints = ['json', 'regex', 'choice', 'grammar', 'json_object', 'structural_tag']

export const samplingRules: readonly Rule[] = [
  boolean('stream'),
  object('stream_options'),
  integer('n', 1, choicesMax),
  number('temperature', 0, 2),
  rule('top_p', 'a number above 0 and at most 1', (v) => isPositive(v) && v <= 1),
  number('presence_penalty', -2, 2),
  number('frequency_penalty', -2, 2),
  // The seed's own text is passed on: it may have more bits than a JavaScript number.
  int64('seed'),
  object('logit_bias'),
  rule('stop', `a string or up to ${stopStringsMax} strings, none empty`, isStop),
  text('user'),
  integer('top_k', -1),
  number('min_p', 0, 1),
  rule('repetition_penalty', 'a number above 0', isPositive),
  integer('min_tokens', 0),
  rule('stop_token_ids', 'an array of token ids', isTokenIds),
  boolean('ignore_eos'),
  rule('structured_outputs', 'an object with one kind of constraint', hasOneConstraint),
  rule('cache_salt', 'a non-empty string', (v) => typeof v === 'string' && v !== ''),
  refused('prompt_logprobs'),
]

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0
}

function isStop(value: unknown): boolean {
  const strings = Array.isArray(value) ? value : [value]
  return (
    strings.length <= stopStringsMax &&
    strings.every((one) => typeof one === 'string' && one !== '')
  )
}

/** vLLM refuses two kinds; some of its versions take an object with none. */
function hasOneConstraint(value: unknown): boolean {
  return (
    isJsonObject(value) && constraints.filter((one) => (value[one] ?? null) !== null).length < 2
  )
}

export function isTokenIds(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((id) => Number.isSafeInteger(id) && id >= 0)
}
