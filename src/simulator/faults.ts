// Misbehaviour on command. A fault is written `name` or `name=value`; several may act on one call.
// It is asked for by a marker in a prompt (`[[sim:cut-after=5]]`) or by a rule on the control
// route. docs/simulator.md lists what is in the table below, and a test compares the two.

export interface FaultPlan {
  /** Answered at the door, before any queue or engine. */
  door:
    | { kind: 'status'; status: number }
    | { kind: 'html'; status: number }
    | { kind: 'string-error' }
    | { kind: 'never' }
    | { kind: 'headers-only' }
    | null
  /** What the engine answers instead of working. */
  reply: 'busy' | 'error-200' | null
  /** How an answer is broken off, and after how many content events. */
  breakOff: { how: 'cut' | 'end' | 'engine-dies' | 'stall'; after: number } | null
  slowFirstMs: number
  tokens: number | null
  hidesDone: boolean
  hidesUsage: boolean
}

type Applied = (plan: FaultPlan, value: number) => void

interface FaultKind {
  /** The unit of the value; null: it takes none. */
  value: 'status' | 'events' | 'ms' | 'tokens' | null
  apply: Applied
}

const breaking =
  (how: NonNullable<FaultPlan['breakOff']>['how']): Applied =>
  (plan, after) => {
    plan.breakOff = { how, after }
  }

export const faultKinds: { readonly [name: string]: FaultKind } = {
  'cut-after': { value: 'events', apply: breaking('cut') },
  'end-after': { value: 'events', apply: breaking('end') },
  'engine-dies-after': { value: 'events', apply: breaking('engine-dies') },
  'stall-after': { value: 'events', apply: breaking('stall') },
  status: { value: 'status', apply: (plan, status) => (plan.door = { kind: 'status', status }) },
  html: { value: 'status', apply: (plan, status) => (plan.door = { kind: 'html', status }) },
  'string-error': { value: null, apply: (plan) => (plan.door = { kind: 'string-error' }) },
  never: { value: null, apply: (plan) => (plan.door = { kind: 'never' }) },
  'headers-only': { value: null, apply: (plan) => (plan.door = { kind: 'headers-only' }) },
  busy: { value: null, apply: (plan) => (plan.reply = 'busy') },
  'error-200': { value: null, apply: (plan) => (plan.reply = 'error-200') },
  'slow-first': { value: 'ms', apply: (plan, ms) => (plan.slowFirstMs = ms) },
  tokens: { value: 'tokens', apply: (plan, tokens) => (plan.tokens = tokens) },
  'no-done': { value: null, apply: (plan) => (plan.hidesDone = true) },
  'no-usage': { value: null, apply: (plan) => (plan.hidesUsage = true) },
}

const noFaults: FaultPlan = Object.freeze({
  door: null,
  reply: null,
  breakOff: null,
  slowFirstMs: 0,
  tokens: null,
  hidesDone: false,
  hidesUsage: false,
})

/** The faults together; unknown names and missing values are told apart by `isFault` before. */
export function faultPlan(faults: readonly string[]): FaultPlan {
  if (faults.length === 0) return noFaults
  const plan = { ...noFaults }
  for (const fault of faults) {
    const { name, value } = split(fault)
    faultKinds[name]?.apply(plan, value)
  }
  return plan
}

export function isFault(fault: string): boolean {
  const { name, value } = split(fault)
  const kind = Object.hasOwn(faultKinds, name) ? faultKinds[name] : undefined
  if (kind === undefined) return false
  if (kind.value === null) return !fault.includes('=')
  const least = kind.value === 'status' ? 200 : 0
  return Number.isInteger(value) && value >= least && (kind.value !== 'status' || value < 600)
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
