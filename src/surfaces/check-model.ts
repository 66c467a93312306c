// Compares what a body needs with what its model allows, before anything is reserved or sent: a
// refusal here costs nothing and is no attempt.
import { type Call, chatRoles, type Demand, Fault, type Model, policyOf } from '#domain'
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
