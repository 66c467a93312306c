// What `/__control/state` shows while five jobs wait, run and end. The simulator's clock is moved
// by hand.
import { beforeAll, describe, expect, test } from 'vitest'
import type { SimulatorState } from '#src/simulator/control/state.ts'
import { runSimulator } from '../support/running.ts'

const simulator = runSimulator({ clock: 'manual', coldMs: 2000, speed: 1, slotsPerWorker: 2 })
const advance = (advanceMs: number) => simulator.call('/__control/clock', { advanceMs })

async function look(): Promise<SimulatorState> {
  return (await (await simulator.call('/__control/state')).json()) as SimulatorState
}

async function phi() {
  const endpoint = (await look()).endpoints['sim-phi']
  if (endpoint === undefined) throw new Error('there is no such endpoint')
  return endpoint
}

describe('five jobs on workers with two places each, at most two workers', () => {
  beforeAll(async () => {
    const change = { workers: { max: 2 } }
    await simulator.call('/v2/serverless/sim-phi', change, { method: 'PATCH' })
    for (let job = 0; job < 5; job += 1) {
      const input = { prompt: '[[sim:tokens=1500]]', sampling_params: { max_tokens: 2000 } }
      await simulator.call('/v2/sim-phi/run', { input })
    }
  })

  test('wait while the workers start', async () => {
    await advance(1500)
    const { queued, running, oldestWaitMs, workerList, usd } = await phi()
    expect([queued, running, oldestWaitMs]).toEqual([5, 0, 1500])
    expect(workerList.map(({ jobs, sinceMs }) => [jobs, sinceMs <= 1500])).toEqual([
      [0, true],
      [0, true],
    ])
    // Two workers of one small card each, in their second second.
    expect(usd).toBeCloseTo(2 * 2 * 0.00019, 6)
  })

  test('run on both, one still waits, and tokens come', async () => {
    await advance(7500)
    await phi()
    await advance(2000)
    const { queued, running, workerList, tokensPerSecond, generatedTokens } = await phi()
    expect([queued, running]).toEqual([1, 4])
    expect(workerList.map(({ phase, jobs }) => [phase, jobs])).toEqual([
      ['running', 2],
      ['running', 2],
    ])
    expect(generatedTokens).toBeGreaterThan(1000)
    // Two sequences on each: a step takes 8.3 ms.
    expect(tokensPerSecond).toBeGreaterThan(450)
    expect(tokensPerSecond).toBeLessThan(500)
  })

  test('end, and their workers with them: the bill stands still', async () => {
    await advance(600_000)
    const { usd: before } = await look()
    await advance(600_000)
    const { usd, endpoints } = await look()
    expect(usd).toBe(before)
    expect(endpoints['sim-phi']).toMatchObject({ completed: 5, queued: 0, workerList: [] })
  })
})

test('the state has the account’s time and its rules', async () => {
  await simulator.call('/__control/faults', { fault: 'busy', match: { nth: 3 } })
  const { nowMs, rules } = await look()
  const clock = (await (await simulator.call('/__control/clock')).json()) as { nowMs: number }
  expect(nowMs).toBe(clock.nowMs)
  expect(rules).toEqual([{ fault: 'busy', match: { nth: 3 }, met: 0 }])
})
