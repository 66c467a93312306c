// Whether a call may be sent to a deployment of its plan now, if there are places for it. The
// model's own deployments come first; those of others follow once the call has waited for
// `fallbackAfterMs`, or when no own one can answer. Only one cold deployment is woken at a time.
import type { Clock, HopReason } from '#domain'
import type { Booking } from './booking.ts'
import type { RoutingOptions } from './options.ts'
import type { Station } from './station.ts'

/** What the rules ask of the line and of routing's options. */
export interface GoRules {
  clock: Clock
  options: Pick<RoutingOptions, 'fallbackAfterMs'>
}

export function mayGoNow(booking: Booking, station: Station, rules: GoRules): boolean {
  const plan = booking.plan()
  if (plan.length === 1) return true
  if (isThirdParty(station)) return mayFallBack(booking, plan, rules)
  // While one is being woken, the call waits for that one, or goes to one that is ready.
  return stateOf(station) !== 'cold' || !plan.some(isBeingWoken)
}

function mayFallBack(
  { joinedTicksMs, hasWaited }: Booking,
  plan: readonly Station[],
  { clock, options }: GoRules,
): boolean {
  if (hasWaited) return true
  if (joinedTicksMs !== null && clock.ticksMs() >= joinedTicksMs + options.fallbackAfterMs) {
    return true
  }
  return plan.every((one) => isThirdParty(one) || isAway(one))
}

export function isThirdParty({ deployment }: Station): boolean {
  return deployment.isThirdParty
}

/** No call is sent there at present. */
function isAway({ circuit, upstream }: Station): boolean {
  if (circuit.state.is === 'open') return true
  const { state } = upstream.readiness()
  return state === 'no-capacity' || state === 'failing' || state === 'off'
}

/**
 * A cold deployment with a call that runs is being woken: it says `warming` only once that call is
 * sent. With an open circuit, no call waits for it.
 */
function isBeingWoken(station: Station): boolean {
  if (station.circuit.state.is === 'open') return false
  const state = stateOf(station)
  return state === 'warming' || (state === 'cold' && station.running > 0)
}

function stateOf({ upstream }: Station): string {
  return upstream.readiness().state
}

/** Why a call does not go to its first choice. */
export function whyNot(station: Station): HopReason {
  if (!station.circuit.admits()) return 'circuit'
  const state = stateOf(station)
  return state === 'cold' || state === 'warming' || state === 'no-capacity' ? 'cold' : 'full'
}
