// A key that may not use third parties itself must not send other keys' calls to one. So it may
// neither allow third parties at a model nor declare a third party's deployment the gateway's own.
// Renaming or moving a deployment, or removing and adding it again, does not get around this.
import { type Actor, type Deployment, Fault, type Model, policyOf } from '#domain'
import { isSameAddress } from './refuse-addresses.ts'

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
