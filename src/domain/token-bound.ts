// The most tokens that a call may take, before anybody has counted them. The same bound is reserved
// for the call and caps the usage that its upstream reports, so no charge is above its reservation.
import type { Call, Demand, PromptSize } from './call.ts'
import type { Model } from './model.ts'
import { type ModelPolicy, policyOf } from './model-policy.ts'

export interface TokenBound {
  prompt: number
  completion: number
}

type Measured = Pick<
  Call,
  'prompts' | 'choices' | 'maxTokens' | 'unnamedTokens' | 'promptTokens' | 'demands' | 'body'
>

export function tokenBound(
  call: Measured,
  model: Pick<Model, 'contextTokens' | 'policy'>,
): TokenBound {
  const { contextTokens } = model
  const policy = policyOf(model)
  const answer = Math.min(answerTokensMax(call, policy) ?? contextTokens, contextTokens)
  const prompt = Math.min(
    promptBound(call, policy) ?? Number.POSITIVE_INFINITY,
    contextTokens * call.prompts,
  )
  return { prompt, completion: answer * call.choices }
}

/** The most tokens of one answer; null: as many as the context has room for. */
export function answerTokensMax(
  { maxTokens, unnamedTokens }: Pick<Call, 'maxTokens' | 'unnamedTokens'>,
  { completionTokens, outputTokensMax }: ModelPolicy,
): number | null {
  const named = maxTokens ?? (unnamedTokens === 'policy' ? completionTokens : null)
  if (named === null || outputTokensMax === null) return named ?? outputTokensMax
  return Math.min(named, outputTokensMax)
}

const media: ReadonlySet<Demand['wants']> = new Set(['capability', 'remote-media', 'trusted-media'])

export function holdsMedia({ demands }: Pick<Call, 'demands'>): boolean {
  return demands.some(({ wants }) => media.has(wants))
}

/**
 * A token takes at least a byte of the text; the model's template adds some tokens. null: as many
 * as the context holds, because nobody knows how many tokens media become.
 */
function promptBound(call: Measured, policy: ModelPolicy): number | null {
  if (call.promptTokens !== null) return call.promptTokens
  return holdsMedia(call) ? null : call.body.bytes.length + policy.templateTokens
}

/** How many bytes a token of text usually has. */
const tokenBytesUsual = 4

/** How many tokens a prompt has if they are of the usual length. */
export function likelyTokens({ tokens, textBytes, toolBytes }: PromptSize): number {
  return tokens + Math.ceil((textBytes + toolBytes) / tokenBytesUsual)
}
