// The deployments that may answer a call: those of its model that can, and third parties' only if
// both model and key allow them.
import { type Call, Fault, type Model, policyOf } from '#domain'
import { leastBusy } from './choose/least-busy.ts'
import { inOrder } from './choose/order.ts'
import { byWeight } from './choose/weighted.ts'
import type { Station } from './station.ts'

export interface PlanAsk {
  call: Call
  /** Why a server of this dialect would refuse the call; null: it would not. */
  refusal(dialect: string): Fault | null
}

/** Never empty: throws when no deployment can answer. */
export function planFor(
  { call, refusal }: PlanAsk,
  model: Model,
  stations: readonly Station[],
): readonly Station[] {
  const mayLeave = call.key.thirdParty && policyOf(model).allowThirdParty
  const speaksOne = speakTheSame(stations, call.surface)
  let bytesMax = 0
  let refused: Fault | null = null
  const plan = stations.filter(({ deployment, upstream }) => {
    const dialect = upstream.speaks(call.surface)
    if (dialect === null || (deployment.isThirdParty && !mayLeave)) return false
    if (model.routing === 'weighted' && deployment.weight === 0) return false
    if (call.body.bytes.length > upstream.bodyBytesMax) {
      bytesMax = Math.max(bytesMax, upstream.bodyBytesMax)
      return false
    }
    const misfit = speaksOne ? null : refusal(dialect)
    refused ??= misfit
    return misfit === null
  })
  if (plan.length > 0) return plan
  throw refused ?? (bytesMax > 0 ? tooLarge(bytesMax) : noneLeft(call.modelId))
}

/** If so, a refusal need not be looked for here: writing the body throws it. */
function speakTheSame(stations: readonly Station[], surface: string): boolean {
  if (stations.length < 2) return true
  const dialect = stations[0]?.upstream.speaks(surface)
  return stations.every(({ upstream }) => upstream.speaks(surface) === dialect)
}

/** In the order in which they are asked: the model's own deployments come first. */
export function inPolicysOrder(
  { routing }: Model,
  plan: readonly Station[],
  random: () => number,
): readonly Station[] {
  if (plan.length === 1) return plan
  const isOwn = ({ deployment }: Station) => !deployment.isThirdParty
  const own = plan.filter(isOwn)
  return [...ordered(own, routing, random), ...plan.filter((one) => !isOwn(one))]
}

function ordered(
  stations: readonly Station[],
  routing: Model['routing'],
  random: () => number,
): readonly Station[] {
  if (routing === 'weighted') return byWeight(stations, random)
  if (routing === 'least-busy') return leastBusy(stations, random)
  return inOrder(stations)
}

function tooLarge(bytesMax: number): Fault {
  const message = `The request is larger than this model's server accepts: ${bytesMax} bytes.`
  return new Fault('body_too_large', { message })
}

export function noneLeft(modelId: string): Fault {
  const message = `No deployment of '${modelId}' can serve this route now.`
  return new Fault('no_deployment', { message })
}
