// When a deployment that fails is left alone, and how it is tried, on a clock that stands still.
import { describe, expect, test } from 'vitest'
import { Fault, type FaultName, faultKinds } from '#src/domain/index.ts'
import { Circuit } from '#src/routing/circuit.ts'
import { type Weight, weigh } from '#src/routing/judge.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { type Random, seededRandom } from '../support/seeded-random.ts'

/** How calls end in a script; a number: unexplained, of the key with that number. */
const letters: Record<string, Weight> = { g: 'good', b: 'bad', '-': 'nothing' }

function createCircuit(isUsed = true) {
  const clock = createFakeClock()
  const changes: string[] = []
  const circuit = new Circuit({ clock, isUsed, onChange: (is) => void changes.push(is) })
  /** So many calls, one after the other, each with this end. */
  const calls = (weight: Weight, count = 1, keyId = 'key-1') => {
    for (let n = 0; n < count; n += 1) circuit.ended(weight, keyId, circuit.began())
  }
  /** A call that was sent there before whatever happens next. */
  const lateEnd = (weight: Weight) => circuit.ended(weight, 'key-1', 0)
  const plays = (script: string) => {
    for (const letter of script) calls(letters[letter] ?? 'unexplained', 1, `key-${letter}`)
  }
  const is = () => circuit.state.is
  return { clock, circuit, changes, calls, lateEnd, plays, is }
}

async function createOpen() {
  const made = createCircuit()
  made.calls('bad', 5)
  expect(made.is()).toBe('open')
  return made
}

async function createHalfOpen() {
  const made = await createOpen()
  await made.clock.advance(5_000)
  expect(made.is()).toBe('half-open')
  return made
}

describe('it opens', () => {
  test('at five failures in a row', () => {
    const { calls, circuit, changes } = createCircuit()
    calls('bad', 4)
    expect([circuit.admits(), circuit.opensInMs()]).toEqual([true, null])
    calls('bad')
    expect([circuit.admits(), circuit.opensInMs()]).toEqual([false, 5_000])
    expect(changes).toEqual(['open'])
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['four failures',                           'bbbb',                      'closed'],
    ['a row that a good answer broke',          'bbbbgbbbb',                 'closed'],
    ['a row in which others said nothing',      'bbb-----b---b',             'open'],
    ['what says nothing, however often',        '-'.repeat(100),             'closed'],
    ['10 bad ones of 20',                       'gb'.repeat(10),             'open'],
    ['10 bad ones of 19',                       `b${'gb'.repeat(9)}`,        'closed'],
    ['10 bad ones of 21',                       `g${'gb'.repeat(10)}`,       'closed'],
    ['9 bad ones of 20',                        `gg${'gb'.repeat(9)}`,       'closed'],
    ['9 bad ones of 18, and two of nothing',    `--${'gb'.repeat(9)}`,       'closed'],
    ['12 bad ones of 25',                       `ggg${'gb'.repeat(10)}bb`,   'closed'],
    ['13 bad ones of 26',                       `ggg${'gb'.repeat(10)}bbb`,  'open'],
    ['unexplained ones of one key',             '1'.repeat(100),             'closed'],
    ['four of a second key after them',         '1111111112222',             'closed'],
    ['five since the second key',               '111112121',                 'closed'],
    ['five since the second key, and now',      '1111121212',                'open'],
    ['two keys, and one answered just before',  'g1212121212',               'closed'],
    ['two keys, and one answered among them',   '1212g1212',                 'closed'],
  ])('or not, by %s: %s', (_what, script, expected) => {
    const { plays, is } = createCircuit()
    plays(script)
    expect(is()).toBe(expected)
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['a row, however long it takes',             0, 'bbbb',         120_000, 'b',      'open'],
    ['half of 20, the first long remembered',    0, 'gb'.repeat(9), 29_999,  'gb',     'open'],
    ['half of 20, the first forgotten',          0, 'gb'.repeat(9), 30_000,  'gb',     'closed'],
    ['half of 20, all long forgotten',           0, 'gb'.repeat(9), 307_000, 'gb',     'closed'],
    ['each end for 25 s at least',           4_999, 'gb'.repeat(9), 25_000,  'gb',     'open'],
    ['each end for 30 s at most',            4_999, 'gb'.repeat(9), 30_000,  'gb',     'closed'],
    ['two keys within 30 s',                     0, '1',            29_999,  '22222',  'open'],
    ['two keys, 30 s apart',                     0, '1',            30_000,  '22222',  'closed'],
    ['two keys, within 30 s of a good answer',   0, 'g',            29_999,  '121212', 'closed'],
    ['two keys, 30 s after a good answer',       0, 'g',            30_000,  '121212', 'open'],
  ])('or not, by %s', async (_what, beforeMs, first, laterMs, second, expected) => {
    const { plays, is, clock } = createCircuit()
    await clock.advance(beforeMs)
    plays(first)
    await clock.advance(laterMs)
    plays(second)
    expect(is()).toBe(expected)
  })

  test('once the good ones are forgotten that outweighed the bad', async () => {
    const { plays, is, clock } = createCircuit()
    plays('g'.repeat(10))
    await clock.advance(29_000)
    plays(`${'gb'.repeat(10)}b`)
    expect(is()).toBe('closed')
    await clock.advance(1_000)
    plays('b')
    expect(is()).toBe('open')
  })

  test('never where circuits are switched off', async () => {
    const { calls, is, changes, circuit, clock } = createCircuit(false)
    calls('bad', 100)
    expect([is(), circuit.admits(), changes, clock.pending()]).toEqual(['closed', true, [], 0])
  })
})

describe('it is tried', () => {
  test('after 5 s, by one call', async () => {
    const { circuit, clock, is } = await createOpen()
    await clock.advance(4_998.5)
    expect([is(), circuit.admits(), circuit.opensInMs()]).toEqual(['open', false, 2])
    await clock.advance(1.5)
    expect([is(), circuit.admits(), circuit.opensInMs()]).toEqual(['half-open', true, null])
    circuit.began()
    expect([is(), circuit.admits()]).toEqual(['half-open', false])
    await clock.advance(600_000)
    expect([is(), circuit.admits()]).toEqual(['half-open', false])
  })

  test('and closes when that call was answered', async () => {
    const { circuit, calls, plays, is, changes, clock } = await createHalfOpen()
    calls('good')
    expect([is(), circuit.admits(), clock.pending()]).toEqual(['closed', true, 0])
    expect(changes).toEqual(['open', 'half-open', 'closed'])
    // The failures of before are forgotten: with them it would be half of more than twenty.
    plays('gb'.repeat(9))
    expect(is()).toBe('closed')
    calls('bad', 4)
    expect([is(), circuit.opensInMs()]).toEqual(['open', 5_000])
  })

  test('after twice the time whenever that call failed, up to a minute', async () => {
    const { circuit, calls, clock, is } = await createHalfOpen()
    for (const ms of [10_000, 20_000, 40_000, 60_000, 60_000, 60_000]) {
      calls('bad')
      expect([is(), circuit.opensInMs()]).toEqual(['open', ms])
      await clock.advance(ms - 1)
      expect(is()).toBe('open')
      await clock.advance(1)
      expect([is(), circuit.admits()]).toEqual(['half-open', true])
    }
  })

  test('by the next call where the first told nothing', async () => {
    const { circuit, calls, changes, is } = await createHalfOpen()
    calls('nothing')
    expect([is(), circuit.admits()]).toEqual(['half-open', true])
    // Waiters hear that there is a place to try it.
    expect(changes).toEqual(['open', 'half-open', 'half-open'])
    calls('nothing', 20)
    calls('bad')
    expect([is(), circuit.opensInMs()]).toEqual(['open', 10_000])
  })

  test('an unexplained failure of one key tells nothing, of a second that it is ill', async () => {
    const { calls, is, circuit } = await createHalfOpen()
    calls('unexplained', 3, 'key-1')
    expect([is(), circuit.admits()]).toEqual(['half-open', true])
    calls('unexplained', 1, 'key-2')
    expect([is(), circuit.opensInMs()]).toEqual(['open', 10_000])
  })
})

describe('calls that were on their way when it opened', () => {
  const weights = ['good', 'bad', 'unexplained', 'nothing'] as const

  test.each(weights)('change nothing while it is open: %s', async (weight) => {
    const { circuit, lateEnd, clock, changes } = await createOpen()
    const before = circuit.state
    await clock.advance(1_000)
    for (let n = 0; n < 30; n += 1) lateEnd(weight)
    expect(circuit.state).toEqual(before)
    expect([changes, circuit.opensInMs()]).toEqual([['open'], 4_000])
  })

  test.each(weights)('change nothing before it is tried: %s', async (weight) => {
    const { circuit, lateEnd, is, changes } = await createHalfOpen()
    for (let n = 0; n < 30; n += 1) lateEnd(weight)
    expect([is(), circuit.admits()]).toEqual(['half-open', true])
    expect(changes).toEqual(['open', 'half-open'])
  })

  test.each(weights)('change nothing while it is tried: %s', async (weight) => {
    const { circuit, lateEnd, is } = await createHalfOpen()
    const era = circuit.began()
    for (let n = 0; n < 30; n += 1) lateEnd(weight)
    expect([is(), circuit.admits()]).toEqual(['half-open', false])
    circuit.ended('good', 'key-1', era)
    expect(is()).toBe('closed')
  })
})

describe('an operator’s reset', () => {
  test.each([
    ['open', createOpen],
    ['half-open', createHalfOpen],
  ])('closes one that is %s, and forgets what was', async (_what, create) => {
    const { circuit, calls, is, clock, changes } = await create()
    circuit.reset()
    expect([is(), circuit.admits(), clock.pending()]).toEqual(['closed', true, 0])
    expect(changes.at(-1)).toBe('closed')
    await clock.advance(60_000)
    calls('bad', 4)
    expect(is()).toBe('closed')
    calls('bad')
    expect(circuit.opensInMs()).toBe(5_000)
  })

  test('does not tell of one that is closed', () => {
    const { circuit, changes } = createCircuit()
    circuit.reset()
    expect(changes).toEqual([])
  })

  test('forgets whose calls failed unexplained', () => {
    const { circuit, plays, is } = createCircuit()
    plays('121212')
    expect(is()).toBe('open')
    circuit.reset()
    plays('22222')
    expect(is()).toBe('closed')
  })

  test('is not reopened by calls of before, once a trial has closed it', async () => {
    const { circuit, lateEnd, calls, is } = await createHalfOpen()
    calls('good')
    for (let n = 0; n < 5; n += 1) lateEnd('bad')
    expect([is(), circuit.admits()]).toEqual(['closed', true])
  })

  test('outlives the end of the call that tried it', async () => {
    const { circuit, is } = await createHalfOpen()
    const era = circuit.began()
    circuit.reset()
    circuit.ended('bad', 'key-1', era)
    expect(is()).toBe('closed')
  })
})

test('one that is closed for good leaves no timer', async () => {
  const { circuit, clock } = await createOpen()
  circuit.close()
  expect(clock.pending()).toBe(0)
})

test('five keys’ unexplained failures close nothing for a sixth that is answered', async () => {
  const { plays, changes, clock } = createCircuit()
  for (let second = 0; second < 60; second += 1) {
    if (second % 10 === 0) plays('g')
    plays('1234512345')
    await clock.advance(1_000)
  }
  expect(changes).toEqual([])
})

const kinds = Object.keys(faultKinds) as FaultName[]
const fault = (kind: FaultName, details = {}) => new Fault(kind, { message: 'm', ...details })
const full = fault('overloaded', { turnedAway: 'full' })
const cold = fault('overloaded', { turnedAway: 'cold' })
const ofClients = kinds.filter((kind) => faultKinds[kind].blame === 'client')
const whenever = { isCold: [true, false], callMsMax: 600_000 }

/** Ends that are never counted, and what is so when they come. */
const neverCounted = [
  ...ofClients.map((kind) => ({ end: fault(kind, { started: 'yes' }), ...whenever })),
  ...[full, cold, full, cold, fault('draining')].map((end) => ({ end, ...whenever })),
  ...(['deadline', 'first_byte_timeout', 'stalled'] as const).map((kind) => {
    return { end: fault(kind, { started: 'maybe' }), ...whenever, isCold: [true] }
  }),
  { end: fault('deadline', { started: 'maybe' }), ...whenever, callMsMax: 5_000 },
]

function pick<T>(random: Random, list: readonly T[]): T {
  const one = list[random(list.length)]
  if (one === undefined) throw new Error('the list is empty')
  return one
}

test('it never opens by what is never counted, in 10 000 seeded scripts', async () => {
  for (let seed = 0; seed < 10_000; seed += 1) {
    const random = seededRandom(seed)
    const { circuit, changes, clock, plays } = createCircuit()
    const isOneUnexplained = random(2) === 0
    for (let step = 0; step < 40; step += 1) {
      const { end, isCold, callMsMax } = pick(random, neverCounted)
      const given = { wasCold: pick(random, isCold), callMs: random(callMsMax) }
      circuit.ended(weigh(end, given), `key-${random(3)}`, circuit.began())
      // Among them what one key's mistakes look like over a route that explains nothing.
      if (isOneUnexplained) plays('7')
      if (random(8) === 0) plays('g')
      if (random(20) === 0) await clock.advance(random(40_000))
    }
    expect({ seed, changes }).toEqual({ seed, changes: [] })
  }
})
