// Faults set from outside, by the control route or at the start: each rule says which calls or
// workers it meets, and how often. Doors ask once per call, workers once per job and once per boot.
//
// Every rule has its own chance, made from the account's seed and the rule's number, so that
// adding one rule does not change whom another meets.
import { z } from 'zod'
import { type Chance, chanceFrom, hashOf } from '../engine/random.ts'
import { isOperationName } from '../jobs/operation-names.ts'
import { providerName } from '../provider/provider-name.ts'
import type { BootPlan, FaultPlan } from './fault-plan.ts'
import { bootPlan, faultPlan, isBootFault, isFault, markedFaults } from './faults.ts'

/** What calls are told apart by: the operations of the job API, and the doors beside it. */
function isOperation(name: string): boolean {
  return isOperationName(name) || ['openai', 'balanced', 'engine', providerName].includes(name)
}

export const faultRule = z.strictObject({
  match: z
    .strictObject({
      endpoint: z.string().optional(),
      /** Met when this worker takes the job. */
      worker: z.string().optional(),
      /** Met by this operation; without it, by calls that ask for work. */
      operation: z.string().refine(isOperation, 'no such operation').optional(),
      /** The nth call since the rule was set, counted from 1 among those that match. */
      nth: z.int().min(1).optional(),
      probability: z.number().min(0).max(1).optional(),
    })
    .default({}),
  fault: z.string().refine(isFault, 'no such fault, or its value is missing or wrong'),
  times: z.int().min(1).optional(),
})

export type FaultRule = z.output<typeof faultRule>

export interface FaultRules {
  /** False: there are too many already. */
  add(rule: FaultRule): boolean
  clear(): void
  list(): (FaultRule & { met: number })[]
  /** What meets a call, by rules and by the markers in its prompt. */
  onCall(endpoint: string, operation: string, asksForWork: boolean, body: Buffer): FaultPlan
  /** What meets a job when a worker takes it, on top of what met the call. */
  onTake(endpoint: string, worker: string, before: FaultPlan): FaultPlan
  /** What goes wrong with a worker that boots. */
  onBoot(endpoint: string, worker: string): BootPlan
}

interface Entry {
  rule: FaultRule
  /** Asked for in a prompt; gone once it has acted. */
  isMarked: boolean
  chance: Chance
  seen: number
  met: number
}

const rulesMax = 1000
/** An operation that a fault belongs to by its nature, where the rule names none. */
const ownOperation: { readonly [fault: string]: string } = { 'health-differs': 'health' }

export function openFaultRules(seed: number, first: readonly FaultRule[] = []): FaultRules {
  let entries: Entry[] = []
  let added = 0

  function add(rule: FaultRule, isMarked = false): boolean {
    if (entries.length >= rulesMax) return false
    added += 1
    const chance = chanceFrom(hashOf(seed, 'rule', added))
    entries.push({ rule, isMarked, chance, seen: 0, met: 0 })
    return true
  }

  function meet(endpoint: string, matches: (rule: FaultRule) => boolean): string[] {
    return entries
      .filter(({ rule }) => (rule.match.endpoint ?? endpoint) === endpoint && matches(rule))
      .flatMap((entry) => strike(entry) ?? [])
  }

  for (const rule of first) add(rule)
  return {
    add: (rule) => add(rule),
    clear() {
      entries = []
    },
    list: () => entries.map(({ rule, met }) => ({ ...rule, met })),
    onCall(endpoint, operation, asksForWork, body) {
      const met = meet(endpoint, ({ match, fault }) => {
        const wanted = match.operation ?? ownOperation[fault]
        const isMeant = wanted === undefined ? asksForWork : wanted === operation
        return isMeant && !isBootFault(fault) && match.worker === undefined
      })
      const marked = asksForWork ? markedFaults(body) : []
      // A worker's fault in a prompt is meant for the worker that boots next; a provider has none.
      for (const fault of endpoint === providerName ? [] : marked.filter(isBootFault)) {
        add({ match: { endpoint }, fault, times: 1 }, true)
      }
      return faultPlan([...met, ...marked])
    },
    onTake(endpoint, worker, before) {
      const isMet = ({ match, fault }: FaultRule) => !isBootFault(fault) && match.worker === worker
      return faultPlan(meet(endpoint, isMet), before)
    },
    onBoot(endpoint, worker) {
      const met = meet(endpoint, ({ match, fault }) => {
        return isBootFault(fault) && (match.worker ?? worker) === worker
      })
      if (met.length > 0) entries = entries.filter((entry) => !entry.isMarked || entry.met === 0)
      return bootPlan(met)
    },
  }
}

/** The fault of a rule that matches, if this is one of the times that it acts. */
function strike(entry: Entry): string | null {
  const { match, fault, times } = entry.rule
  entry.seen += 1
  if (match.nth !== undefined && entry.seen !== match.nth) return null
  if (times !== undefined && entry.met >= times) return null
  if (match.probability !== undefined && entry.chance.next() >= match.probability) return null
  entry.met += 1
  return fault
}
