// One table for two questions: whether a call is tried again after an attempt failed, and whether
// that failure counts against the deployment. Work that begins twice is paid twice, and a fault of
// a client, an operator or a deadline does not go away in another attempt.
import type { Fault, FaultName, HopReason } from '#domain'

/** Again: at the same deployment. Wait: at the head of the line, for any deployment of the plan. */
export type Verdict = 'again' | 'elsewhere' | 'wait' | 'give up'

/** What an attempt says of its deployment. */
export type Weight = 'good' | 'bad' | 'unexplained' | 'nothing'

/** What the call has tried so far. */
export interface Attempted {
  /** How many attempts of the call may have begun work, this one included. */
  begun: number
  /** How many attempts of the call failed at this deployment. */
  here: number
  /** A tenth of the call's time is left. */
  hasTime: boolean
}

/** Where the call could still go. */
export interface PlanLeft {
  /** The plan has deployments that did not fail this call. */
  hasOthers: boolean
}

interface Rule {
  /** `fleeting`: when the fault is fleeting, or when the request provably never left. */
  again: 'never' | 'fleeting' | 'always'
  elsewhere: boolean
  weight: 'bad' | 'nothing'
  why: HopReason
}

/* biome-ignore format: a table reads as a table */
const rules: Partial<Record<FaultName, Rule>> = {
  upstream_unreachable:   { again: 'fleeting', elsewhere: true,  weight: 'bad',     why: 'unreachable' },
  upstream_bad_answer:    { again: 'fleeting', elsewhere: true,  weight: 'bad',     why: 'fault' },
  upstream_cut:           { again: 'always',   elsewhere: true,  weight: 'bad',     why: 'fault' },
  upstream_credentials:   { again: 'never',    elsewhere: true,  weight: 'bad',     why: 'fault' },
  upstream_misconfigured: { again: 'never',    elsewhere: true,  weight: 'bad',     why: 'fault' },
  upstream_too_large:     { again: 'never',    elsewhere: false, weight: 'nothing', why: 'fault' },
  first_byte_timeout:     { again: 'fleeting', elsewhere: true,  weight: 'bad',     why: 'deadline' },
  stalled:                { again: 'never',    elsewhere: false, weight: 'bad',     why: 'fault' },
  deadline:               { again: 'never',    elsewhere: false, weight: 'bad',     why: 'deadline' },
}

const begunMax = 3
const hereMax = 2
/** The deadline of a call that waits for less says nothing of the deployment. */
const patientMs = 5_000

export function judge(fault: Fault, attempt: Attempted, plan: PlanLeft): Verdict {
  if (fault.turnedAway !== null) return 'wait'
  const rule = rules[fault.kind]
  if (rule === undefined || fault.isUnexplained) return 'give up'
  if (!attempt.hasTime || attempt.begun >= begunMax) return 'give up'
  if (mayHelp(rule, fault) && attempt.here < hereMax) return 'again'
  return rule.elsewhere && plan.hasOthers ? 'elsewhere' : 'give up'
}

function mayHelp({ again }: Rule, { kind, started, isFleeting }: Fault): boolean {
  if (again !== 'fleeting') return again === 'always'
  return isFleeting || (kind === 'upstream_unreachable' && started === 'no')
}

/** Why the next attempt is made. */
export function reasonOf({ kind, turnedAway }: Fault): HopReason {
  return turnedAway ?? rules[kind]?.why ?? 'fault'
}

/** What makes a failure say less of its deployment. */
export interface Circumstances {
  /** The deployment had no worker, or was starting one. */
  wasCold: boolean
  /** How long the call might take in all. */
  callMs: number
}

/** null: the answer is complete. */
export function weigh(fault: Fault | null, { wasCold, callMs }: Circumstances): Weight {
  if (fault === null) return 'good'
  if (fault.turnedAway !== null) return 'nothing'
  const isLate = fault.rule.status === 504
  if (isLate && wasCold) return 'nothing'
  if (fault.kind === 'deadline' && callMs < patientMs) return 'nothing'
  if (fault.isUnexplained) return 'unexplained'
  return rules[fault.kind]?.weight ?? 'nothing'
}
