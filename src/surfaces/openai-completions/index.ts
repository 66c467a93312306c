// OpenAI's older completions, the dialect of `POST /v1/completions`.
import { answerTokensMax, type Call, policyOf } from '#domain'
import type { JsonChanges } from '#wire'
import { choicesEncoder } from '../choices-encoder.ts'
import { faultBody } from '../said-by-us.ts'
import type { Surface, UpstreamTarget } from '../surface.ts'
import { bodyFor, noChanges, refusalFor } from '../to-upstream.ts'
import { readCompletion } from './read.ts'
import { completionAnswers, completionFields } from './rules.ts'

const path = '/v1/completions'

export const openaiCompletions: Surface = {
  name: 'openai-completions',
  path,
  fields: completionFields,
  read: readCompletion,
  toUpstream: (call, target) => ({
    path,
    body: bodyFor(call, target, completionFields, tokensUnlessNamed(call, target)),
  }),
  refusal: (call, target) =>
    refusalFor(call, target, completionFields, tokensUnlessNamed(call, target)),
  encoder: (call) => choicesEncoder(call, completionAnswers),
  fault: (fault) => faultBody(fault, completionAnswers.promptField),
}

/** Always sent: without a bound, some servers generate to the end of their context. */
function tokensUnlessNamed(call: Call, target: UpstreamTarget): JsonChanges {
  if (call.maxTokens !== null) return noChanges
  return new Map([['max_tokens', String(answerTokensMax(call, policyOf(target)))]])
}
