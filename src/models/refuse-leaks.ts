// What someone who edits the registry over the network must not reach by it: other tenants' prompts
// and the account's keys at an address of their choice, and third parties that their key may not
// use. Renaming or moving a deployment, or removing and adding it again, does not get around this.
import { isDeepStrictEqual } from 'node:util'
import { type Actor, type Deployment, Fault, type Model, policyOf } from '#domain'

/** How a deployment is reached. */
type Address = Pick<Deployment, 'kind' | 'options'>

export type MayLead = (address: Address) => boolean

/**
 * A deployment that is new in its model, or whose kind or options changed, must lead where the
 * configuration allows. One whose address did not change may stay.
 */
export function refuseAddresses(
  before: readonly Model[],
  after: readonly Model[],
  mayLead: MayLead,
): void {
  for (const [modelIndex, model] of after.entries()) {
    // A deployment that moves to another model gets other prompts, so it counts as new there.
    const known = before.find(({ id }) => id === model.id)?.deployments ?? []
    for (const [index, deployment] of model.deployments.entries()) {
      const was = known.find(({ id }) => id === deployment.id)
      const isAsBefore = was !== undefined && isSameAddress(was, deployment)
      if (!isAsBefore && !mayLead(deployment)) {
        throw leadsElsewhere(`models[${modelIndex}].deployments[${index}]`)
      }
    }
  }
}

/** Deadlines, weight and owner are no part of an address. */
function isSameAddress(one: Address, other: Address): boolean {
  return one.kind === other.kind && isDeepStrictEqual(one.options, other.options)
}

function leadsElsewhere(param: string): Fault {
  return new Fault('not_granted', {
    message:
      `${param} is new or reached in another way, and leads to an origin that is neither that of ` +
      'runpod.baseUrl nor in upstreams.origins. The command podgate models apply may do this.',
    param,
  })
}

/**
 * A key that may not use third parties itself must not send other keys' calls to one. So it may
 * neither allow them at a model nor declare a third party's deployment the gateway's own.
 */
export function refuseThirdParties(
  actor: Actor,
  before: readonly Model[],
  after: readonly Model[],
): void {
  if (typeof actor === 'string' || actor.grantsAll || actor.thirdParty) return
  for (const [modelIndex, model] of after.entries()) {
    const path = `models[${modelIndex}]`
    const known = before.find(({ id }) => id === model.id)
    const isAllowed = known !== undefined && policyOf(known).allowThirdParty
    if (policyOf(model).allowThirdParty && !isAllowed) {
      throw mayNot(`${path}.policy.allowThirdParty`)
    }
    for (const [index, deployment] of model.deployments.entries()) {
      if (becomesOwn(deployment, known, before)) {
        throw mayNot(`${path}.deployments[${index}].thirdParty`)
      }
    }
  }
}

/**
 * A deployment that kept its model and address keeps its owner. Any other that has a key of its own
 * may be a third party that an earlier request removed, so it counts as one.
 */
function becomesOwn(
  deployment: Deployment,
  known: Model | undefined,
  before: readonly Model[],
): boolean {
  if (deployment.isThirdParty) return false
  const was = known?.deployments.find(({ id }) => id === deployment.id)
  if (was !== undefined && isSameAddress(was, deployment)) return was.isThirdParty
  return (
    deployment.options.apiKeyEnv !== undefined ||
    before.some(({ deployments }) =>
      deployments.some(
        (one) => one.isThirdParty && (one.id === deployment.id || isSameAddress(one, deployment)),
      ),
    )
  )
}

function mayNot(param: string): Fault {
  return new Fault('not_granted', {
    message:
      `Your key may not change ${param}: it may not use third parties itself. ` +
      'A deployment that is new or reached in another way and has an apiKeyEnv is one for it.',
    param,
  })
}
