// What becomes of a call whose attempt failed, and what the attempt says of its deployment.
import { describe, expect, test } from 'vitest'
import {
  Fault,
  type FaultDetails,
  type FaultName,
  faultKinds,
  type HopReason,
} from '#src/domain/index.ts'
import { judge, reasonOf, type Verdict, type Weight, weigh } from '#src/routing/judge.ts'

type Details = Omit<FaultDetails, 'message'>

function fault(kind: FaultName, details: Details = {}): Fault {
  return new Fault(kind, { message: 'm', ...details })
}

const no: Details = { started: 'no' }
const maybe: Details = { started: 'maybe' }
const yes: Details = { started: 'yes' }
const fleeting: Details = { started: 'maybe', isFleeting: true }
const emptyAnswer: Details = { started: 'yes', isFleeting: true }
const unexplained: Details = { started: 'maybe', isUnexplained: true }
const full: Details = { turnedAway: 'full' }
const cold: Details = { turnedAway: 'cold' }

/** After the call's first attempt, with all the time in the world. */
const begun = { begun: 1, here: 1, hasTime: true }
const unsent = { begun: 0, here: 1, hasTime: true }
const others = { hasOthers: true }
const alone = { hasOthers: false }

/* biome-ignore format: a table reads as a table */
const firstTries: [what: string, kind: FaultName, details: Details, alone: Verdict, others: Verdict][] = [
  ['a connection that was refused',           'upstream_unreachable',   no,          'again',   'again'],
  ['a connection that may have got through',  'upstream_unreachable',   maybe,       'give up', 'elsewhere'],
  ['an edge that reached nobody (52x)',       'upstream_unreachable',   fleeting,    'again',   'again'],
  ['an edge that waited too long (524)',      'first_byte_timeout',     fleeting,    'again',   'again'],
  ['an edge’s 502, or its page',              'upstream_bad_answer',    fleeting,    'again',   'again'],
  ['an empty answer',                         'upstream_bad_answer',    emptyAnswer, 'again',   'again'],
  ['a cut, perhaps before any work',          'upstream_cut',           maybe,       'again',   'again'],
  ['a cut after the head',                    'upstream_cut',           yes,         'again',   'again'],
  ['a server’s own 5xx',                      'upstream_bad_answer',    maybe,       'give up', 'elsewhere'],
  ['a server’s error event',                  'upstream_bad_answer',    yes,         'give up', 'elsewhere'],
  ['an unexplained failure',                  'upstream_bad_answer',    unexplained, 'give up', 'give up'],
  ['a 401 or 402 for the gateway',            'upstream_credentials',   no,          'give up', 'elsewhere'],
  ['a model that the server does not know',   'upstream_misconfigured', no,          'give up', 'elsewhere'],
  ['a deployment’s own first-byte deadline',  'first_byte_timeout',     maybe,       'give up', 'elsewhere'],
  ['the call’s deadline',                     'deadline',               maybe,       'give up', 'give up'],
  ['a server that stopped in its answer',     'stalled',                yes,         'give up', 'give up'],
  ['an answer that is larger than allowed',   'upstream_too_large',     yes,         'give up', 'give up'],
  ['a request that the server refused',       'upstream_refused',       no,          'give up', 'give up'],
  ['a prompt that is too long',               'context_too_long',       no,          'give up', 'give up'],
  ['a client that left',                      'client_gone',            maybe,       'give up', 'give up'],
  ['a client that does not read',             'slow_client',            yes,         'give up', 'give up'],
  ['a gateway that holds too much',           'overloaded',             yes,         'give up', 'give up'],
  ['a gateway that shuts down',               'draining',               no,          'give up', 'give up'],
  ['a mistake of ours',                       'internal',               maybe,       'give up', 'give up'],
  ['an upstream that is full',                'overloaded',             full,        'wait',    'wait'],
  ['an upstream without a worker',            'overloaded',             cold,        'wait',    'wait'],
]

describe.each(firstTries)('after %s', (_what, kind, details, whenAlone, withOthers) => {
  const attempt = details.started === 'no' ? unsent : begun

  test(`a call with one deployment: ${whenAlone}`, () => {
    expect(judge(fault(kind, details), attempt, alone)).toBe(whenAlone)
  })

  test(`a call with others: ${withOthers}`, () => {
    expect(judge(fault(kind, details), attempt, others)).toBe(withOthers)
  })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['refused a second time',                  no,    { begun: 0, here: 2, hasTime: true },  others, 'elsewhere'],
  ['refused a second time, and is alone',    no,    { begun: 0, here: 2, hasTime: true },  alone,  'give up'],
  ['refused, after two that began work',     no,    { begun: 2, here: 1, hasTime: true },  others, 'again'],
  ['refused, after three that began work',   no,    { begun: 3, here: 1, hasTime: true },  others, 'give up'],
  ['maybe reached: the second that began',   maybe, { begun: 2, here: 1, hasTime: true },  others, 'elsewhere'],
  ['maybe reached: the third that began',    maybe, { begun: 3, here: 1, hasTime: true },  others, 'give up'],
  ['refused, with no tenth of its time left', no,   { begun: 0, here: 1, hasTime: false }, others, 'give up'],
  ['maybe reached, with no such time left',  maybe, { begun: 1, here: 1, hasTime: false }, others, 'give up'],
] as const)('a call whose upstream was %s', (_what, details, attempt, plan, verdict) => {
  expect(judge(fault('upstream_unreachable', details), attempt, plan)).toBe(verdict)
})

test('a cut is tried twice at one deployment, then elsewhere, and begun three times in all', () => {
  const cut = fault('upstream_cut', maybe)
  const hasTime = true
  expect(judge(cut, { begun: 1, here: 1, hasTime }, others)).toBe('again')
  expect(judge(cut, { begun: 2, here: 2, hasTime }, others)).toBe('elsewhere')
  expect(judge(cut, { begun: 3, here: 1, hasTime }, others)).toBe('give up')
})

describe('whatever else is so', () => {
  const kinds = Object.keys(faultKinds) as FaultName[]
  const cases = kinds.flatMap((kind) => [...casesOf(kind)])

  interface Case {
    fault: Fault
    attempt: { begun: number; here: number; hasTime: boolean }
    plan: { hasOthers: boolean }
    verdict: Verdict
  }

  function* casesOf(kind: FaultName): Generator<Case> {
    for (const started of ['no', 'maybe', 'yes'] as const)
      for (const [isFleeting, isUnexplained] of bits)
        for (const turnedAway of [null, 'full', 'cold'] as const)
          for (const attempt of attempts)
            for (const hasOthers of [false, true]) {
              const one = fault(kind, { started, isFleeting, isUnexplained, turnedAway })
              const plan = { hasOthers }
              yield { fault: one, attempt, plan, verdict: judge(one, attempt, plan) }
            }
  }

  /** The cases of which it is true and that may not be so. */
  function wrong(isOfThem: (one: Case) => boolean, may: readonly Verdict[]): string[] {
    const found = cases.filter(isOfThem)
    expect(found.length).toBeGreaterThan(0)
    const bad = found.filter(({ verdict }) => !may.includes(verdict))
    return bad.map(({ fault: { kind }, verdict }) => `${kind}: ${verdict}`)
  }

  const isTaken = (one: Case) => one.fault.turnedAway === null
  const blames = (...blame: string[]) => {
    return (one: Case) => isTaken(one) && blame.includes(one.fault.rule.blame)
  }
  const isA = (kind: FaultName) => (one: Case) => isTaken(one) && one.fault.kind === kind

  test('only what an upstream turned away waits, and always does', () => {
    expect(wrong((one) => !isTaken(one), ['wait'])).toEqual([])
    expect(wrong(isTaken, ['again', 'elsewhere', 'give up'])).toEqual([])
  })

  test('what the client or this gateway is to blame for is tried nowhere', () => {
    expect(wrong(blames('client', 'gateway'), ['give up'])).toEqual([])
  })

  test('what an operator is to blame for is not tried again at the same deployment', () => {
    expect(wrong(blames('operator'), ['elsewhere', 'give up'])).toEqual([])
  })

  test('the call’s deadline, and a stop in the middle of an answer, end the call', () => {
    expect(wrong(isA('deadline'), ['give up'])).toEqual([])
    expect(wrong(isA('stalled'), ['give up'])).toEqual([])
  })

  test('a first-byte deadline is tried again only where an edge gave up', () => {
    const own = (one: Case) => isA('first_byte_timeout')(one) && !one.fault.isFleeting
    expect(wrong(own, ['elsewhere', 'give up'])).toEqual([])
  })

  test('an unexplained failure is tried nowhere: it may be the client’s', () => {
    expect(wrong((one) => isTaken(one) && one.fault.isUnexplained, ['give up'])).toEqual([])
  })

  test('no fourth attempt begins work', () => {
    expect(wrong((one) => isTaken(one) && one.attempt.begun >= 3, ['give up'])).toEqual([])
  })

  test('no third attempt is made at one deployment', () => {
    const isThird = (one: Case) => isTaken(one) && one.attempt.here >= 2
    expect(wrong(isThird, ['elsewhere', 'give up'])).toEqual([])
  })

  test('nothing is tried in the last tenth of a call’s time', () => {
    expect(wrong((one) => isTaken(one) && !one.attempt.hasTime, ['give up'])).toEqual([])
  })

  test('nobody is sent elsewhere where there is nobody else', () => {
    const isAlone = (one: Case) => isTaken(one) && !one.plan.hasOthers
    expect(wrong(isAlone, ['again', 'give up'])).toEqual([])
  })
})

const bits = [
  [false, false],
  [false, true],
  [true, false],
  [true, true],
] as const

const attempts = [0, 1, 2, 3, 4].flatMap((begun) =>
  [1, 2, 3].flatMap((here) => [true, false].map((hasTime) => ({ begun, here, hasTime }))),
)

/* biome-ignore format: a table reads as a table */
const reasons: [kind: FaultName, details: Details, why: HopReason][] = [
  ['upstream_unreachable',   no,       'unreachable'],
  ['upstream_unreachable',   fleeting, 'unreachable'],
  ['upstream_cut',           yes,      'fault'],
  ['upstream_bad_answer',    yes,      'fault'],
  ['upstream_credentials',   no,       'fault'],
  ['upstream_misconfigured', no,       'fault'],
  ['first_byte_timeout',     maybe,    'deadline'],
  ['overloaded',             full,     'full'],
  ['overloaded',             cold,     'cold'],
]

test.each(reasons)('the attempt after %s %j says why: %s', (kind, details, why) => {
  expect(reasonOf(fault(kind, details))).toBe(why)
})

const warm = { wasCold: false, callMs: 60_000 }
const waking = { wasCold: true, callMs: 60_000 }
const hurried = { wasCold: false, callMs: 4_999 }
const patient = { wasCold: false, callMs: 5_000 }

/* biome-ignore format: a table reads as a table */
const weights: [what: string, kind: FaultName, details: Details, given: typeof warm, weight: Weight][] = [
  ['a refused connection',                         'upstream_unreachable',   no,          warm,    'bad'],
  ['a refused connection while cold',              'upstream_unreachable',   no,          waking,  'bad'],
  ['a refused connection of a hurried caller',     'upstream_unreachable',   no,          hurried, 'bad'],
  ['a cut',                                        'upstream_cut',           yes,         warm,    'bad'],
  ['a server’s error',                             'upstream_bad_answer',    maybe,       warm,    'bad'],
  ['an edge’s page',                               'upstream_bad_answer',    fleeting,    warm,    'bad'],
  ['an unexplained failure',                       'upstream_bad_answer',    unexplained, warm,    'unexplained'],
  ['a 401 or 402 for the gateway',                 'upstream_credentials',   no,          warm,    'bad'],
  ['a 401 or 402 while cold',                      'upstream_credentials',   no,          waking,  'bad'],
  ['a model that the server does not know',        'upstream_misconfigured', no,          warm,    'bad'],
  ['a first-byte deadline of its own',             'first_byte_timeout',     maybe,       warm,    'bad'],
  ['a first-byte deadline while cold',             'first_byte_timeout',     maybe,       waking,  'nothing'],
  ['a first-byte deadline of a hurried caller',    'first_byte_timeout',     maybe,       hurried, 'bad'],
  ['a stop in its answer',                         'stalled',                yes,         warm,    'bad'],
  ['a stop in its answer while cold',              'stalled',                yes,         waking,  'nothing'],
  ['a deadline of a caller with a minute',         'deadline',               maybe,       warm,    'bad'],
  ['a deadline of a caller with 5 s',              'deadline',               maybe,       patient, 'bad'],
  ['a deadline of a caller with less than 5 s',    'deadline',               maybe,       hurried, 'nothing'],
  ['a deadline while cold',                        'deadline',               maybe,       waking,  'nothing'],
  ['a full upstream',                              'overloaded',             full,        warm,    'nothing'],
  ['an upstream without a worker',                 'overloaded',             cold,        warm,    'nothing'],
  ['a client that left',                           'client_gone',            yes,         warm,    'nothing'],
  ['a client that does not read',                  'slow_client',            yes,         warm,    'nothing'],
  ['a gateway that shuts down',                    'draining',               yes,         warm,    'nothing'],
  ['a gateway that holds too much',                'overloaded',             yes,         warm,    'nothing'],
  ['a mistake of ours',                            'internal',               maybe,       warm,    'nothing'],
]

describe('of its deployment', () => {
  test.each(weights)('%s says', (_what, kind, details, given, weight) => {
    expect(weigh(fault(kind, details), given)).toBe(weight)
  })

  test.each([warm, waking, hurried])('a complete answer says that it is well: %j', (given) => {
    expect(weigh(null, given)).toBe('good')
  })

  test('nothing is said by what the client or this gateway is to blame for', () => {
    const kinds = Object.keys(faultKinds) as FaultName[]
    const ours = kinds.filter((kind) => ['client', 'gateway'].includes(faultKinds[kind].blame))
    const told = ours.filter((kind) => weigh(fault(kind, maybe), warm) !== 'nothing')
    expect(told).toEqual([])
  })

  test('nothing is said by what was turned away, whatever the fault', () => {
    const kinds = Object.keys(faultKinds) as FaultName[]
    expect(kinds.filter((kind) => weigh(fault(kind, full), warm) !== 'nothing')).toEqual([])
  })
})
