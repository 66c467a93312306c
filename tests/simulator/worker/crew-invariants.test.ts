// Random jobs, crashes, releases and waits happen to simulated workers. Every job must end once,
// every second of a container must be billed once, and the same seed must give the same run.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Leave } from '#src/simulator/crew.ts'
import { simulatedFleet, type WatchedFleet } from '../support/simulated-fleet.ts'

type Happening =
  | { what: 'submit'; tokens: number; isPoison: boolean }
  | { what: 'leave'; which: number }
  | { what: 'time'; ms: number }
  | { what: 'lose' | 'kill' | 'release' | 'cold' }

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('submit' as const),
      tokens: fc.integer({ min: 1, max: 2000 }),
      isPoison: fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('leave' as const), which: fc.nat({ max: 50 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      what: fc.constant('time' as const),
      ms: fc.integer({ min: 0, max: 30_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constantFrom('lose', 'kill', 'release', 'cold') }),
  },
)

const settings = fc.record({
  seed: fc.nat(),
  slotsPerWorker: fc.integer({ min: 1, max: 5 }),
  workersMin: fc.integer({ min: 0, max: 1 }),
  workersMax: fc.integer({ min: 1, max: 4 }),
  scaler: fc.constantFrom('REQUEST_COUNT' as const, 'QUEUE_DELAY' as const),
  scalerTickMs: fc.constantFrom(0, 1500),
  coldStarts: fc.constantFrom('fixed' as const, 'mixed' as const),
  parkedMax: fc.integer({ min: 0, max: 2 }),
  idleTimeoutMs: fc.constantFrom(1000, 60_000),
  crashShare: fc.constantFrom(0, 0.3),
  throttledShare: fc.constantFrom(0, 0.2),
  sdkPolling: fc.boolean(),
  takeTime: fc.constantFrom(
    { medianMs: 0, leastMs: 0, mostMs: 0 },
    { medianMs: 120, leastMs: 50, mostMs: 400 },
  ),
})

function happen(on: WatchedFleet, next: Happening, leaves: (Leave | null)[]): void {
  const { clock, endpoint, fleet, submit } = on
  if (next.what === 'submit') {
    const name = `job${leaves.length}`
    leaves.push(submit(name, next.tokens, next.isPoison ? { input: {} } : {}))
  }
  if (next.what === 'leave') leaves[next.which]?.()
  if (next.what === 'time') clock.run(next.ms)
  if (next.what === 'lose') fleet.lose(null)
  if (next.what === 'kill') fleet.killEngine(null)
  if (next.what === 'release') endpoint.change(endpoint.model, true)
  if (next.what === 'cold') endpoint.makeCold()
}

test('whatever happens, every job ends once and every second of a container is billed once', () => {
  fc.assert(
    fc.property(settings, fc.array(happening, { maxLength: 60 }), (set, happenings) => {
      const on = simulatedFleet(set)
      const { account, clock, endpoint, fleet, story } = on
      let counted = 0
      clock.onStep((ms) => {
        counted += (ms / 1000) * fleet.nanoUsdPerSecond()
      })
      const leaves: (Leave | null)[] = []
      const left = new Set<number>()
      for (const next of happenings) {
        if (next.what === 'leave') left.add(next.which)
        happen(on, next, leaves)
        const { running } = endpoint.load()
        expect(running).toBeLessThanOrEqual(set.slotsPerWorker * endpoint.workerViews().length)
      }
      clock.run(10 * 86_400_000)
      expect(endpoint.load()).toEqual({ queued: 0, running: 0 })
      for (const at of leaves.keys()) {
        const ends = story.filter((line) => new RegExp(`^job${at} (?:done|failed)`).test(line))
        expect(ends.length, `job${at}`).toBeLessThanOrEqual(1)
        if (!left.has(at)) expect(ends, `job${at}`).toHaveLength(1)
      }
      expect(endpoint.workerViews().filter(({ phase }) => phase === 'running')).toEqual([])
      account.close()
      const billed = account.bill.nanoUsd()
      expect(billed).toBeGreaterThanOrEqual(counted - 1)
      expect(billed - counted).toBeLessThanOrEqual(account.bill.starts() * 190_000)
    }),
    { numRuns: 40 },
  )
})

test('the same seed and the same happenings give the same run, to the id and the millisecond', () => {
  fc.assert(
    fc.property(settings, fc.array(happening, { maxLength: 40 }), (set, happenings) => {
      const run = () => {
        const on = simulatedFleet(set)
        const leaves: (Leave | null)[] = []
        for (const next of happenings) happen(on, next, leaves)
        return { story: on.story, events: on.events, usd: on.account.bill.usd() }
      }
      expect(run()).toEqual(run())
    }),
    { numRuns: 30 },
  )
})
