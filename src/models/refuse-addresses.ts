// Someone who edits the registry over the network must not choose where the account's keys and
// other tenants' prompts go. A deployment that is new in its model, or whose kind or options
// changed, must lead where the configuration allows. One whose address did not change may stay.
import { isDeepStrictEqual } from 'node:util'
import { type Deployment, Fault, type Model } from '#domain'

/** How a deployment is reached. */
type Address = Pick<Deployment, 'kind' | 'options'>

export type MayLead = (address: Address) => boolean

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
export function isSameAddress(one: Address, other: Address): boolean {
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
