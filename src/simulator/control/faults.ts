// Misbehaviour on command. A fault is written `name` or `name=value`; several may act on one call.
// It is asked for by a marker in a prompt (`[[sim:cut-after=5]]`), by a rule on the control route,
// or by `--fault` at the start. Which there are is told by fault-tables.ts; most meet calls, and
// some meet workers that boot.

import { bootFaults, callFaults, type FaultKind, type Unit } from './fault-tables.ts'

export interface FaultPlan {
  /** Answered at the door, before any queue or engine. */
  door:
    | { kind: 'status'; status: number }
    | { kind: 'html'; status: number }
    | { kind: 'string-error' }
    | { kind: 'never' }
    | { kind: 'headers-only' }
    | null
  /** The door waits so long before it looks at the call. */
  latencyMs: number
  /** A good answer of the job API has this status in place of 200. */
  goodStatus: number | null
  /** How wrong the platform's clock is, in the `date` header. */
  clockSkewMs: number
  /** `/health` tells of idle workers that are parked, and of nobody who boots. */
  healthDiffers: boolean
  /** What the engine answers instead of working. */
  reply: 'busy' | 'error-200' | null
  /** How an answer is broken off, and after how many content events. */
  breakOff: { how: 'cut' | 'end' | 'engine-dies' | 'stall' | 'worker-dies'; after: number } | null
  /** A worker that dies does so each time that the job is given to one. */
  diesAgain: boolean
  slowFirstMs: number
  tokens: number | null
  hidesDone: boolean
  hidesUsage: boolean
  /** The item of `/stream` that is lost on its way, counted from 1; the output keeps it. */
  lostItem: number | null
  /** The worker's result is refused: the job is COMPLETED and has no output. */
  losesOutput: boolean
  /** The record is deleted so long after the call, as at the end of its `ttl`. */
  vanishAfterMs: number | null
  /** So many attempts at the webhook fail, whatever its server says. */
  webhookFailures: number
  /** Nobody who leaves, and no cancellation, reaches the engine. */
  ignoresStop: boolean
}

/** What goes wrong with a worker that boots. */
export interface BootPlan {
  /** No host has a GPU for it, for so long. */
  throttledMs: number
  /** It crashes at the end of its boot and is unhealthy; the platform tries it again. */
  crashes: boolean
  /** Its vLLM dies as soon as it is up: it takes jobs and fails each at once. */
  engineDead: boolean
  /** What is added to the phases of its boot. */
  pullMs: number
  startMs: number
  loadMs: number
  warmUpMs: number
}

const noFaults: FaultPlan = Object.freeze({
  door: null,
  latencyMs: 0,
  goodStatus: null,
  clockSkewMs: 0,
  healthDiffers: false,
  reply: null,
  breakOff: null,
  diesAgain: false,
  slowFirstMs: 0,
  tokens: null,
  hidesDone: false,
  hidesUsage: false,
  lostItem: null,
  losesOutput: false,
  vanishAfterMs: null,
  webhookFailures: 0,
  ignoresStop: false,
})

const goodBoot: BootPlan = Object.freeze({
  throttledMs: 0,
  crashes: false,
  engineDead: false,
  pullMs: 0,
  startMs: 0,
  loadMs: 0,
  warmUpMs: 0,
})

/** The faults together, on top of what was planned; unknown names are told by `isFault` before. */
export function faultPlan(faults: readonly string[], before: FaultPlan = noFaults): FaultPlan {
  return faults.length === 0 ? before : planned(callFaults, { ...before }, faults)
}

export function bootPlan(faults: readonly string[]): BootPlan {
  return faults.length === 0 ? goodBoot : planned(bootFaults, { ...goodBoot }, faults)
}

function planned<Plan>(
  kinds: { readonly [name: string]: FaultKind<Plan> },
  plan: Plan,
  faults: readonly string[],
): Plan {
  for (const fault of faults) {
    const { name, value } = split(fault)
    kinds[name]?.apply(plan, value)
  }
  return plan
}

export function isFault(fault: string): boolean {
  const { name, value } = split(fault)
  const unit = kindOf(name)?.value
  if (unit === undefined) return false
  if (unit === null) return !fault.includes('=')
  if (unit === 'status') return Number.isInteger(value) && value >= 200 && value < 600
  return Number.isInteger(value) && value >= (unit === 'item' ? 1 : 0)
}

export function isBootFault(fault: string): boolean {
  return Object.hasOwn(bootFaults, split(fault).name)
}

function kindOf(name: string): { value: Unit | null } | undefined {
  if (Object.hasOwn(callFaults, name)) return callFaults[name]
  return Object.hasOwn(bootFaults, name) ? bootFaults[name] : undefined
}

/** The markers in a request's body; brackets are never escaped in JSON, so the text is searched. */
export function markedFaults(body: Buffer): string[] {
  if (!body.includes('[[sim:')) return []
  const found = body.toString('utf8').matchAll(/\[\[sim:([a-z0-9=-]+)\]\]/g)
  return [...found].map((match) => match[1] ?? '').filter(isFault)
}

function split(fault: string): { name: string; value: number } {
  const at = fault.indexOf('=')
  if (at === -1) return { name: fault, value: 0 }
  const written = fault.slice(at + 1)
  return { name: fault.slice(0, at), value: written === '' ? Number.NaN : Number(written) }
}
