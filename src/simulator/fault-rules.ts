// Faults set from outside, by the control route: each rule says which calls it meets and how often.
// Endpoints ask it once per call, before they look at the prompt's own markers.
import { z } from 'zod'
import { type Chance, chanceFrom } from './engine/random.ts'
import { isFault } from './faults.ts'

export const faultRule = z.strictObject({
  match: z
    .strictObject({
      endpoint: z.string().optional(),
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
  /** The faults that meet a call at this endpoint. */
  meet(endpoint: string): string[]
}

const rulesMax = 1000

export function openFaultRules(seed: number): FaultRules {
  const chance: Chance = chanceFrom(seed)
  let rules: { rule: FaultRule; seen: number; used: number }[] = []

  return {
    add(rule) {
      if (rules.length >= rulesMax) return false
      rules.push({ rule, seen: 0, used: 0 })
      return true
    },
    clear() {
      rules = []
    },
    meet(endpoint) {
      const met: string[] = []
      for (const entry of rules) {
        const { match, fault, times } = entry.rule
        if (match.endpoint !== undefined && match.endpoint !== endpoint) continue
        entry.seen += 1
        if (match.nth !== undefined && entry.seen !== match.nth) continue
        if (times !== undefined && entry.used >= times) continue
        if (match.probability !== undefined && chance.next() >= match.probability) continue
        entry.used += 1
        met.push(fault)
      }
      return met
    },
  }
}
