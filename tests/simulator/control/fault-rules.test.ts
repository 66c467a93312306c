// Which calls and workers a fault rule meets, and how often. Markers in prompts and the flag that
// makes rules are tried too.
import { describe, expect, test } from 'vitest'
import { readFaultFlag } from '#src/simulator/control/fault-flag.ts'
import { type FaultRules, faultRule, openFaultRules } from '#src/simulator/control/fault-rules.ts'
import { faultPlan } from '#src/simulator/control/faults.ts'

const noBody = Buffer.from('{}')

function rulesOf(...rules: object[]): FaultRules {
  return openFaultRules(
    7,
    rules.map((rule) => faultRule.parse(rule)),
  )
}

/** Which of so many calls were met, by their numbers from 1. */
function met(rules: FaultRules, calls: number, endpoint = 'a', operation = 'run'): number[] {
  const asks = ['run', 'openai', 'engine'].includes(operation)
  return Array.from({ length: calls }, (_, at) => at + 1).filter(
    () => rules.onCall(endpoint, operation, asks, noBody).reply === 'busy',
  )
}

describe('a rule', () => {
  test('without a match meets every call that asks for work, and no other', () => {
    const rules = rulesOf({ fault: 'busy' })
    expect([met(rules, 2), met(rules, 2, 'b', 'openai')]).toEqual([
      [1, 2],
      [1, 2],
    ])
    expect(met(rules, 2, 'a', 'status')).toEqual([])
  })

  test('for an operation meets that one', () => {
    const rules = rulesOf({ fault: 'busy', match: { operation: 'status' } })
    expect([met(rules, 1, 'a', 'status'), met(rules, 1)]).toEqual([[1], []])
  })

  test('for an endpoint, for the nth call, so many times', () => {
    expect(met(rulesOf({ fault: 'busy', match: { endpoint: 'b' } }), 2)).toEqual([])
    expect(met(rulesOf({ fault: 'busy', match: { nth: 3 } }), 5)).toEqual([3])
    expect(met(rulesOf({ fault: 'busy', times: 2 }), 5)).toEqual([1, 2])
  })

  test('by chance meets the same calls in every run of one seed', () => {
    const rule = { fault: 'busy', match: { probability: 0.3 } }
    const first = met(rulesOf(rule), 50)
    expect(met(rulesOf(rule), 50)).toEqual(first)
    expect(first.length).toBeGreaterThan(5)
    expect(first.length).toBeLessThan(30)
  })

  test('keeps its chance when other rules stand beside it', () => {
    const rule = { fault: 'busy', match: { probability: 0.3 } }
    const other = { fault: 'no-done', match: { probability: 0.5 } }
    expect(met(rulesOf(rule, other), 50)).toEqual(met(rulesOf(rule), 50))
  })

  test('for a worker waits until that worker takes the job', () => {
    const rules = rulesOf({ fault: 'worker-dies-after=3', match: { worker: 'w2' } })
    const plan = rules.onCall('a', 'run', true, noBody)
    expect(plan.breakOff).toBeNull()
    expect(rules.onTake('a', 'w1', plan).breakOff).toBeNull()
    expect(rules.onTake('a', 'w2', plan).breakOff).toEqual({ how: 'worker-dies', after: 3 })
  })

  test('for a worker’s job adds to what met the call', () => {
    const rules = rulesOf({ fault: 'no-done', match: { worker: 'w' } })
    const plan = rules.onTake('a', 'w', faultPlan(['tokens=3']))
    expect([plan.tokens, plan.hidesDone]).toEqual([3, true])
  })

  test('of a boot meets workers and no calls', () => {
    const rules = rulesOf({ fault: 'throttled=5000', match: { endpoint: 'a', nth: 2 } })
    expect(rules.onCall('a', 'run', true, noBody)).toEqual(faultPlan([]))
    const throttled = ['a', 'b', 'a', 'a'].map((id) => rules.onBoot(id, 'w').throttledMs)
    expect(throttled).toEqual([0, 0, 5000, 0])
  })

  test('of /health meets /health, without being told', () => {
    const rules = rulesOf({ fault: 'health-differs' })
    expect(rules.onCall('a', 'health', false, noBody).healthDiffers).toBe(true)
    expect(rules.onCall('a', 'run', true, noBody).healthDiffers).toBe(false)
  })

  test('is listed with how often it acted', () => {
    const rules = rulesOf({ fault: 'busy', match: { endpoint: 'a' }, times: 2 })
    met(rules, 5)
    expect(rules.list()).toEqual([{ fault: 'busy', match: { endpoint: 'a' }, times: 2, met: 2 }])
  })
})

describe('a marker in a prompt', () => {
  const marked = (text: string) => Buffer.from(JSON.stringify({ prompt: text }))

  test('of a boot fault meets the endpoint’s next worker, once', () => {
    const rules = rulesOf()
    rules.onCall('a', 'run', true, marked('[[sim:boot-crash]]'))
    const crashes = ['b', 'a', 'a'].map((id) => rules.onBoot(id, 'w').crashes)
    expect(crashes).toEqual([false, true, false])
  })

  test('of a boot fault leaves no rule behind once it has acted', () => {
    const rules = rulesOf({ fault: 'slow-load=5', times: 1 })
    for (let call = 0; call < 2000; call += 1) {
      rules.onCall('a', 'run', true, marked('[[sim:boot-crash]]'))
      rules.onBoot('a', 'w')
    }
    expect(rules.list().map(({ fault }) => fault)).toEqual(['slow-load=5'])
    expect(rules.add(faultRule.parse({ fault: 'busy' }))).toBe(true)
  })

  test('acts beside rules', () => {
    const plan = rulesOf({ fault: 'no-usage' }).onCall('a', 'run', true, marked('[[sim:tokens=9]]'))
    expect([plan.tokens, plan.hidesUsage]).toEqual([9, true])
  })
})

test.each([
  ['busy', { match: {}, fault: 'busy' }],
  [
    'status=503,endpoint=sim-phi,nth=3,times=2',
    { match: { endpoint: 'sim-phi', nth: 3 }, fault: 'status=503', times: 2 },
  ],
  ['throttled=60000,probability=0.2', { match: { probability: 0.2 }, fault: 'throttled=60000' }],
])('the flag %s is a rule', (text, rule) => {
  expect(faultRule.parse(readFaultFlag(text))).toEqual(rule)
})

test.each([
  '',
  'nonsense',
  'status',
  'busy,nth=x',
  'busy,colour=blue',
  'busy,times=',
  'busy,operation=strem',
])('the flag “%s” is none', (text) => {
  expect(faultRule.safeParse(readFaultFlag(text)).success).toBe(false)
})
