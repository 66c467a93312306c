// What must be true of a line, as a list of calls and three deployments: kept by a test beside the
// line itself, and asking nothing of it.

export const fallbackAfterMs = 2_000
const circuitOpenMs = 5_000

export interface RefDeployment {
  name: string
  isThirdParty: boolean
  isListed: boolean
  slots: number
  capacity: number
  readiness: 'warm' | 'cold' | 'off'
  pausedUntilMs: number
  circuit: 'closed' | { untilMs: number } | { trialOf: RefCall | null }
}

export interface RefCall {
  name: string
  sequences: number
  hasRight: boolean
  isFirst: boolean
  joinedMs: number | null
}

interface Held {
  call: RefCall
  at: RefDeployment
  weight: number
}

export interface Reference {
  deployments: readonly RefDeployment[]
  /** In the order in which they are to be served. */
  waiting: RefCall[]
  held: Map<RefCall, Held>
  isThirdPartyAllowed: boolean
  nowMs(): number
}

export function joinLine({ waiting }: Reference, call: RefCall): void {
  const firsts = waiting.filter(({ isFirst }) => isFirst).length
  if (call.isFirst) waiting.splice(firsts, 0, call)
  else waiting.push(call)
}

export function running(reference: Reference, at: RefDeployment): number {
  return heldAt(reference, at).reduce((sum, { weight }) => sum + weight, 0)
}

/** Why a call cannot be answered at all; null: it can. */
export function doomOf(reference: Reference, call: RefCall): string | null {
  const plan = planOf(reference, call)
  if (plan.length === 0) return 'no_deployment'
  return plan.every((one) => circuitIs(reference, one) === 'open') ? 'circuit_open' : null
}

export function openCircuit(reference: Reference, at: RefDeployment): void {
  at.circuit = { untilMs: reference.nowMs() + circuitOpenMs }
}

/** What is wrong with a grant; null: nothing. It is taken as made. */
export function grant(reference: Reference, call: RefCall, at: RefDeployment): string | null {
  const wrong = whyWrong(reference, call, at)
  if (circuitIs(reference, at) === 'half-open') at.circuit = { trialOf: call }
  reference.held.set(call, { call, at, weight: Math.min(call.sequences, at.slots) })
  reference.waiting = reference.waiting.filter((one) => one !== call)
  return wrong
}

/** A call is over, and was answered. */
export function release(reference: Reference, call: RefCall): void {
  const at = reference.held.get(call)?.at
  reference.held.delete(call)
  if (at === undefined || at.circuit === 'closed' || 'untilMs' in at.circuit) return
  if (at.circuit.trialOf === call) at.circuit = 'closed'
}

/** A place that is free, and who should have it; null: there is none. */
export function freePlace(reference: Reference): string | null {
  for (const at of reference.deployments) {
    if (!isOpen(reference, at)) continue
    const next = reference.waiting.find((call) => mayGo(reference, call, at))
    if (next !== undefined && fits(reference, next, at)) return `${at.name} for ${next.name}`
  }
  return null
}

/** Whether a call that comes now would have a place at once. */
export function startsAtOnce(reference: Reference, call: RefCall): boolean {
  return reference.deployments.some((at) => whyWrong(reference, call, at) === null)
}

function whyWrong(reference: Reference, call: RefCall, at: RefDeployment): string | null {
  const before = reference.waiting.slice(0, Math.max(0, placeOf(reference, call)))
  const overtaken = before.find((one) => mayGo(reference, one, at))
  if (overtaken !== undefined) return `overtakes ${overtaken.name}`
  if (!isOpen(reference, at)) return 'is sent to one that is closed'
  if (!mayGo(reference, call, at)) return 'goes where it may not'
  return fits(reference, call, at) ? null : 'is too heavy'
}

/** Of one that is not in line: where it would stand. */
function placeOf({ waiting }: Reference, call: RefCall): number {
  const at = waiting.indexOf(call)
  return at === -1 ? waiting.length : at
}

function fits(reference: Reference, { sequences }: RefCall, at: RefDeployment): boolean {
  const runs = heldAt(reference, at)
  if (runs.length === 0) return at.capacity >= 1
  const sum = runs.reduce((total, { weight }) => total + weight, 0)
  return sum + Math.min(sequences, at.slots) <= at.capacity
}

function mayGo(reference: Reference, call: RefCall, at: RefDeployment): boolean {
  const plan = planOf(reference, call)
  if (!plan.includes(at)) return false
  if (at.isThirdParty) {
    const hasWaited = call.joinedMs !== null && reference.nowMs() - call.joinedMs >= fallbackAfterMs
    const own = plan.filter(({ isThirdParty }) => !isThirdParty)
    const isAway = (one: RefDeployment) =>
      one.readiness === 'off' || circuitIs(reference, one) === 'open'
    return hasWaited || own.every(isAway)
  }
  if (at.readiness !== 'cold') return true
  const others = plan.filter((one) => one !== at && circuitIs(reference, one) !== 'open')
  return !others.some((one) => one.readiness === 'cold' && heldAt(reference, one).length > 0)
}

function planOf({ deployments, isThirdPartyAllowed }: Reference, { hasRight }: RefCall) {
  const mayLeave = hasRight && isThirdPartyAllowed
  return deployments.filter((one) => one.isListed && (mayLeave || !one.isThirdParty))
}

function isOpen(reference: Reference, at: RefDeployment): boolean {
  if (reference.nowMs() < at.pausedUntilMs) return false
  const circuit = circuitIs(reference, at)
  return circuit === 'closed' || circuit === 'half-open'
}

function circuitIs(reference: Reference, { circuit }: RefDeployment) {
  if (circuit === 'closed') return 'closed'
  if ('untilMs' in circuit) return reference.nowMs() < circuit.untilMs ? 'open' : 'half-open'
  return circuit.trialOf === null ? 'half-open' : 'tried'
}

function heldAt({ held }: Reference, at: RefDeployment): Held[] {
  return [...held.values()].filter((one) => one.at === at)
}
