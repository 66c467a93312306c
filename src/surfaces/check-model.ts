// Compares what a body wants with what its model allows, before anything is reserved or sent: what
// is refused here cost nothing and was nobody's attempt.
import { type Call, type Demand, Fault, type Model, policyOf } from '#domain'
import { invalid } from './rules.ts'

export function checkModel(call: Call, model: Pick<Model, 'contextTokens' | 'policy'>): void {
  for (const demand of call.demands) checkDemand(demand, model)
}

function checkDemand(demand: Demand, model: Pick<Model, 'contextTokens' | 'policy'>): void {
  const { param } = demand
  const { remoteMedia, trustedMedia, templateArguments } = policyOf(model)
  if (demand.wants === 'remote-media' && !remoteMedia) {
    throw invalid(param, `'${param}' must be a data: URL: nothing is fetched for this model.`)
  }
  if (demand.wants === 'trusted-media' && !trustedMedia) {
    throw invalid(param, `'${param}' is not allowed for this model: content must come whole.`)
  }
  if (demand.wants === 'template-argument' && !templateArguments.includes(demand.name)) {
    const allowed = templateArguments.join(', ') || 'none'
    const message = "An argument of 'chat_template_kwargs' is not allowed for this model."
    throw invalid(param, `${message} Allowed: ${allowed}.`)
  }
  if (demand.wants === 'tokens' && demand.count > model.contextTokens) {
    const limit = `an integer up to ${model.contextTokens}, the model's whole context`
    throw invalid(param, `Invalid value for '${param}': expected ${limit}.`)
  }
  if (demand.wants === 'context' && demand.count > model.contextTokens) {
    throw contextTooLong(model.contextTokens, demand)
  }
}

/** Texts are counted by the model's server; what comes as tokens can be counted here. */
function contextTooLong(tokensMax: number, { param, count }: { param: string; count: number }) {
  const message =
    `This model's maximum context length is ${tokensMax} tokens. ` +
    `However, '${param}' has ${count}. Please shorten the input.`
  return new Fault('context_too_long', { message, param })
}
