// OpenAI's older completions, the dialect of `POST /v1/completions`.
import {
  answerTokensMax,
  type Call,
  type CallFacts,
  type Demand,
  type JsonObject,
  policyOf,
} from '#domain'
import type { JsonChanges, Pieces } from '#wire'
import { ChoicesEncoder } from '../choices-encoder.ts'
import { addContextDemand, countPrompts, countPromptTokens, measurePrompts } from '../prompts.ts'
import { readBody } from '../read-body.ts'
import {
  addSequenceDemands,
  addTokenDemands,
  endUserHash,
  readModel,
  wantsUsage,
} from '../read-fields.ts'
import { checkOf, invalid } from '../rules.ts'
import { faultBody } from '../said-by-us.ts'
import type { Surface, UpstreamTarget } from '../surface.ts'
import { askedBy, noChanges } from '../to-upstream.ts'
import { completionAnswers, completionFields, promptsMax } from './rules.ts'

export const openaiCompletions: Surface = {
  name: 'openai-completions',
  ...askedBy('/v1/completions', completionFields, tokensUnlessNamed),
  read: readCompletion,
  encoder: (call) => new ChoicesEncoder(call, completionAnswers),
  fault: (fault) => faultBody(fault, completionAnswers.promptField),
}

/** Always sent: without a bound, some servers generate to the end of their context. */
function tokensUnlessNamed(call: Call, target: UpstreamTarget): JsonChanges {
  if (call.maxTokens !== null) return noChanges
  return new Map([['max_tokens', String(answerTokensMax(call, policyOf(target)))]])
}

const checkRules = checkOf(completionFields.checked)

function* readCompletion(bytes: Buffer): Pieces<CallFacts> {
  const read = yield* readBody(bytes)
  const { value, body } = read
  const modelId = readModel(value.model)
  const prompts = countPrompts('prompt', value.prompt, promptsMax)
  checkRules(read)
  checkTogether(value)
  const demands: Demand[] = []
  addContextDemand('prompt', value, demands)
  addTokenDemands(value, completionFields.bounds, demands)
  const choices = prompts * choicesPerPrompt(value)
  addSequenceDemands(prompts, choices, demands)
  return {
    modelId,
    stream: value.stream === true,
    wantsUsage: wantsUsage(value),
    choices,
    sequences: choices,
    prompts,
    // Asked for no tokens, a server generates and counts one all the same.
    maxTokens: typeof value.max_tokens === 'number' ? Math.max(1, value.max_tokens) : null,
    unnamedTokens: 'policy',
    promptTokens: countPromptTokens(value.prompt),
    promptSize: measurePrompts('prompt', value),
    endUserHash: endUserHash(value),
    demands,
    body,
  }
}

function choicesPerPrompt({ n }: JsonObject): number {
  return typeof n === 'number' ? n : 1
}

/** Rules between two members. */
function checkTogether(value: JsonObject): void {
  if (value.max_tokens === 0 && value.echo !== true) {
    throw invalid('max_tokens', "'max_tokens' may only be 0 when 'echo' is true.")
  }
  if (typeof value.best_of === 'number' && value.best_of !== choicesPerPrompt(value)) {
    throw invalid('best_of', "'best_of' must be the same as 'n': every choice is returned.")
  }
}
