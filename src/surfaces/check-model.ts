// Compares what a body needs with what its model allows, before anything is reserved or sent: a
// refusal here costs nothing and is no attempt. Only the model's server has the tokeniser, so of a
// text's length only bytes can be compared. With the longest possible tokens: a prompt that is too
// long even then is refused. With usual tokens: a likely cause where a server failed without one.
import {
  answerTokensMax,
  type Call,
  chatRoles,
  type Demand,
  Fault,
  holdsMedia,
  likelyTokens,
  type Model,
  policyOf,
} from '#domain'
import { invalid } from './rules.ts'

type Measure = Pick<Model, 'contextTokens' | 'capabilities' | 'policy'>

export function checkModel(call: Call, model: Measure): void {
  for (const demand of call.demands) {
    const fault = faultOf(demand, model)
    if (fault !== null) throw fault
  }
}

function faultOf(demand: Demand, model: Measure): Fault | null {
  const { param } = demand
  const policy = policyOf(model)
  switch (demand.wants) {
    case 'capability':
      if (model.capabilities.includes(demand.needs)) return null
      return invalid(param, `'${param}' is not allowed: this model does not have ${demand.needs}.`)
    case 'remote-media':
      if (policy.remoteMedia) return null
      return invalid(param, `'${param}' must be a data: URL: nothing is fetched for this model.`)
    case 'trusted-media':
      if (policy.trustedMedia) return null
      return invalid(param, `'${param}' is not allowed for this model: content must come whole.`)
    case 'template-argument':
      return policy.templateArguments.includes(demand.name)
        ? null
        : wrongArgument(param, policy.templateArguments)
    case 'role':
      return policy.roles.includes(demand.role) ? null : wrongRole(param, policy.roles)
    case 'sequences':
      return demand.count <= policy.sequencesMax ? null : tooMany(param, policy.sequencesMax)
    case 'tokens':
      return demand.count <= model.contextTokens ? null : tooLarge(param, model.contextTokens)
    case 'dialect':
      return null
    case 'context':
      return demand.count <= model.contextTokens
        ? null
        : contextTooLong(model.contextTokens, demand)
  }
}

function wrongArgument(param: string, allowed: readonly string[]): Fault {
  const message = "An argument of 'chat_template_kwargs' is not allowed for this model."
  return invalid(param, `${message} Allowed: ${allowed.join(', ') || 'none'}.`)
}

function wrongRole(param: string, more: readonly string[]): Fault {
  const allowed = [...chatRoles, ...more].join(', ')
  return invalid(param, `Invalid value for '${param}': expected one of ${allowed}.`)
}

function tooMany(param: string, sequencesMax: number): Fault {
  const message = `This model generates up to ${sequencesMax} choices in one call`
  return invalid(param, `'${param}' is too many: ${message}, over all prompts.`)
}

function tooLarge(param: string, contextTokens: number): Fault {
  const limit = `an integer up to ${contextTokens}, the model's whole context`
  return invalid(param, `Invalid value for '${param}': expected ${limit}.`)
}

/** Only prompts that came as tokens: texts are counted by the model's server. */
function contextTooLong(tokensMax: number, { param, count }: { param: string; count: number }) {
  const message =
    `This model's maximum context length is ${tokensMax} tokens. ` +
    `However, '${param}' has ${count}. Please shorten the input.`
  return new Fault('context_too_long', { message, param })
}

/** The longest tokens that vocabularies have are runs of 128 spaces. */
const tokenBytesMax = 128

/** Refuses a text that no tokeniser could make fit. */
export function refuseTooLong(call: Call, model: Measure): void {
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
export function isLikelyTooLong(call: Call, model: Measure): boolean {
  const size = call.promptSize
  if (size === null) return false
  // An answer without a bound takes what is left of the context: at least one token.
  const answer = answerTokensMax(call, policyOf(model)) ?? 1
  return likelyTokens(size) + answer > model.contextTokens
}
