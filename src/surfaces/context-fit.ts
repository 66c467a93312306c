// Whether a prompt can fit into its model's context. Only the model's server has the tokeniser, so
// bytes are compared here. With the longest possible tokens: a prompt that is too long even then is
// refused and not sent. With usual tokens: a likely cause where a server failed without a reason.
import {
  answerTokensMax,
  type Call,
  Fault,
  holdsMedia,
  likelyTokens,
  type Model,
  policyOf,
} from '#domain'

type Context = Pick<Model, 'contextTokens' | 'policy'>

/** The longest tokens that vocabularies have are runs of 128 spaces. */
const tokenBytesMax = 128

/** Refuses a text that no tokeniser could make fit. */
export function refuseTooLong(call: Call, model: Context): void {
  const { contextTokens } = model
  if (holdsMedia(call)) return
  const answer = call.maxTokens === null ? 0 : (answerTokensMax(call, policyOf(model)) ?? 0)
  const bytesMax = (contextTokens - answer + 1) * tokenBytesMax - 1
  const size = call.promptSize
  if (size === null || size.textBytes <= bytesMax) return
  const { param, textBytes } = size
  const asked = answer === 0 ? '' : `, and ${answer} more are asked for`
  const message =
    `This model's maximum context length is ${contextTokens} tokens. However, '${param}' has ` +
    `at least ${Math.floor(textBytes / tokenBytesMax)}${asked}. ` +
    'Please shorten the input or ask for fewer tokens.'
  throw new Fault('context_too_long', { message, param })
}

/** Whether prompt and answer are too long together if the prompt's tokens have a usual length. */
export function isLikelyTooLong(call: Call, model: Context): boolean {
  const size = call.promptSize
  if (size === null) return false
  // An answer without a bound takes what is left of the context: at least one token.
  const answer = answerTokensMax(call, policyOf(model)) ?? 1
  return likelyTokens(size) + answer > model.contextTokens
}
