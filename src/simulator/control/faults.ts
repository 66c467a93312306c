// Misbehaviour on command. A fault is written `name` or `name=value`; several may act on one call.
// It is asked for by a marker in a prompt (`[[sim:cut-after=5]]`), by a rule on the control route,
// or by `--fault` at the start. fault-tables.ts lists all faults: most meet calls, some meet
// workers that boot.
import { type BootPlan, type FaultPlan, goodBoot, noFaults } from './fault-plan.ts'
import { bootFaults, callFaults, type FaultKind, type Unit } from './fault-tables.ts'

/** Adds the faults to a plan. Unknown names are skipped: `isFault` finds them before. */
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
