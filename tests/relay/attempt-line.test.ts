// The record of one try: written once, when both its end and its release are known.
import { describe, expect, test } from 'vitest'
import type { AttemptRecord, FaultName, Released } from '#src/domain/index.ts'
import { Fault } from '#src/domain/index.ts'
import { Attempt } from '#src/relay/attempt-line.ts'
import { routingOptions } from '#src/routing/index.ts'
import { Station } from '#src/routing/station.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sampleDeployment, scriptedDeployment } from '../support/scripted-deployment.ts'

const ended: Released = { how: 'ended', cancellation: 'none' }
const destroyed: Released = { how: 'destroyed', cancellation: 'proven' }
const held: Released = { how: 'held', cancellation: 'hoped' }
const unsent: Released = { how: 'unsent', cancellation: 'none' }

function start() {
  const clock = createFakeClock()
  const written: AttemptRecord[] = []
  const upstream = scriptedDeployment()
  const station = new Station(sampleDeployment(), upstream, {
    clock,
    options: routingOptions.parse({}),
    onCircuit: () => {},
  })
  let releases = 0
  const attempt = new Attempt(
    {
      requestId: 'req_1',
      keyId: 'key_1',
      ordinal: 2,
      model: 'asked',
      station,
      why: null,
      isFallback: false,
      isColdStart: false,
      startedAtMs: clock.nowMs(),
      startedTicksMs: clock.ticksMs(),
      onReleased() {
        releases += 1
      },
    },
    { clock, onAttempt: (record) => void written.push(record) },
  )
  return { clock, attempt, written, releases: () => releases }
}

function fault(kind: FaultName): Fault {
  return new Fault(kind, { message: 'm' })
}

describe('a try', () => {
  test('is written when it ended and its place came free, in this order', async () => {
    const { clock, attempt, written, releases } = start()
    await clock.advance(100)
    attempt.ended(null)
    expect(written).toEqual([])
    await clock.advance(50)
    expect(releases()).toBe(0)
    attempt.released(ended)
    expect(releases()).toBe(1)
    expect(written).toEqual([
      {
        requestId: 'req_1',
        keyId: 'key_1',
        ordinal: 2,
        model: 'asked',
        deployment: 'deployment-1',
        transport: 'scripted',
        why: null,
        startedAtMs: 1_700_000_000_000,
        durationMs: 150,
        result: 'answered',
        fault: null,
        released: 'ended',
        cancellation: 'none',
        wastedSeconds: 0,
        wasteReason: null,
      },
    ])
  })

  test('and in the other', async () => {
    const { clock, attempt, written } = start()
    await clock.advance(100)
    attempt.released(destroyed)
    expect(written).toEqual([])
    await clock.advance(50)
    attempt.ended(fault('upstream_cut'))
    // The place was taken for 100 ms of the 150.
    expect(written).toMatchObject([{ durationMs: 150, wastedSeconds: 0.1, result: 'faulted' }])
  })

  test('is written once, as it first ended', () => {
    const { attempt, written } = start()
    attempt.faulted(fault('upstream_bad_answer'))
    attempt.ended(null)
    attempt.released(ended)
    attempt.ended(fault('client_gone'))
    expect(written).toMatchObject([{ fault: 'upstream_bad_answer' }])
    expect(written).toHaveLength(1)
  })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['client_gone',         destroyed, 'abandoned', 3, 'client_gone'],
  ['slow_client',         destroyed, 'abandoned', 3, 'client_gone'],
  ['wrong_key',           destroyed, 'abandoned', 3, 'client_gone'],
  ['client_gone',         held,      'abandoned', 3, 'orphan'],
  ['client_gone',         unsent,    'abandoned', 0, null],
  ['first_byte_timeout',  destroyed, 'faulted',   3, 'timeout'],
  ['stalled',             destroyed, 'faulted',   3, 'timeout'],
  ['deadline',            destroyed, 'faulted',   3, 'timeout'],
  ['stalled',             held,      'faulted',   3, 'orphan'],
  ['upstream_bad_answer', ended,     'faulted',   3, 'retry'],
  ['upstream_unreachable', unsent,   'faulted',   0, null],
] as const)('a try that ended in %s, released %j, is %s: %d s wasted, %s', async (kind, released, result, wastedSeconds, wasteReason) => {
  const { clock, attempt, written } = start()
  attempt.faulted(fault(kind))
  await clock.advance(3000)
  attempt.released(released)
  expect(written).toMatchObject([{ result, fault: kind, wastedSeconds, wasteReason }])
})

describe('what was asked for', () => {
  test('may go on until somebody says that it is over', () => {
    const { attempt } = start()
    expect(attempt.mayGoOn()).toBe(true)
    attempt.ended(fault('upstream_bad_answer'))
    expect(attempt.mayGoOn()).toBe(true)
  })

  test.each([
    [ended, false],
    [destroyed, false],
    [unsent, false],
    [held, true],
  ])('and its place came free with %j may go on: %s', (released, mayGoOn) => {
    const { attempt } = start()
    attempt.released(released)
    expect(attempt.mayGoOn()).toBe(mayGoOn)
  })
})
