// Whether a prompt can fit into its model's context. Only the model's server has the tokeniser:
// here bytes are compared, once with what no tokeniser can reach, to refuse what need not be sent,
// and once with what is usual, where a server failed and nobody said why.
import { answerTokensMax, type Call, Fault, holdsMedia, type Model, policyOf } from '#domain'
import type { Surface } from './surface.ts'

type Context = Pick<Model, 'contextTokens' | 'policy'>

/** The longest tokens that vocabularies have are runs of 128 spaces. */
const tokenBytesMax = 128
const tokenBytesUsual = 4

/** Refuses a text that no tokeniser could make fit. */
export function refuseTooLong(call: Call, model: Context, surface: Surface): void {
  const { contextTokens } = model
  if (holdsMedia(call)) return
  const answer = call.maxTokens === null ? 0 : (answerTokensMax(call, policyOf(model)) ?? 0)
  // Texts are shorter than the body that they stand in, so most bodies need no second look.
  const bytesMax = (contextTokens - answer + 1) * tokenBytesMax - 1
  const { bytes } = call.body
  if (bytes.length <= bytesMax) return
  const size = surface.measure(bytes)
  if (size === null || size.textBytes <= bytesMax) return
  const { param, textBytes } = size
  const asked = answer === 0 ? '' : `, and ${answer} more are asked for`
  const message =
    `This model's maximum context length is ${contextTokens} tokens. However, '${param}' has ` +
    `at least ${Math.floor(textBytes / tokenBytesMax)}${asked}. ` +
    'Please shorten the input or ask for fewer tokens.'
  throw new Fault('context_too_long', { message, param })
}

/** Whether prompt and answer would not fit if the prompt's tokens are of the usual length. */
export function isLikelyTooLong(call: Call, model: Context, surface: Surface): boolean {
  const size = surface.measure(call.body.bytes)
  if (size === null) return false
  const prompt = size.tokens + (size.textBytes + size.toolBytes) / tokenBytesUsual
  // Without a bound the model takes what is left, and needs at least one.
  const answer = answerTokensMax(call, policyOf(model)) ?? 1
  return prompt + answer > model.contextTokens
}
