// What a gateway lets through to RunPod, seen from the other side: by the simulator, a process of its
// own, which counts the workers it starts and the sequences that its engines have in hand.
import { expect, test } from 'vitest'
import type { SimulatorState } from '#src/simulator/control/state.ts'
import { fasterClock } from '../support/faster-clock.ts'
import { startCommand } from '../support/running-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { chat, startTestGateway } from '../support/test-gateway.ts'

const slots = 64

async function startSimulator(...flags: string[]) {
  const args = ['simulate', '--port', '0', '--json', ...flags]
  const process = startCommand(temporaryFolder(), args)
  const [line] = await process.printed(/^\{.*\}$/m)
  const { url, key } = JSON.parse(line)
  return {
    runpodUrl: `${url}/v2`,
    key: String(key),
    async endpoint() {
      const headers = { authorization: `Bearer ${key}` }
      const response = await fetch(`${url}/__control/state`, { headers })
      const state: SimulatorState = JSON.parse(await response.text())
      const endpoint = state.endpoints['sim-qwen']
      if (endpoint === undefined) throw new Error('the simulator has no endpoint sim-qwen')
      return endpoint
    },
    async [Symbol.asyncDispose]() {
      process.process.kill('SIGTERM')
      await process.exited
    },
  }
}

function modelAt(baseUrl: string) {
  return {
    id: 'test-model',
    surfaces: ['openai-chat', 'openai-completions'],
    contextTokens: 32_768,
    prices: { prompt: 2, completion: 6 },
    policy: { sequencesMax: 2048 },
    deployments: [
      {
        id: 'one',
        kind: 'runpod',
        servedName: 'Qwen/Qwen2-7B-Instruct',
        slots,
        options: { endpointId: 'sim-qwen', baseUrl },
      },
    ],
  }
}

test('fifty callers of 30 s wake one worker that takes 120 s, and open no circuit', async () => {
  const factor = 30
  const cold = ['--cold', String(120 / factor), '--speed', '50']
  // A worker for each four jobs, as on the platform: callers all at once would wake all there are.
  // Those that gave up stay in RunPod's queue, one at a time: its OpenAI route cancels nothing.
  const scaling = ['--set', 'scaler=REQUEST_COUNT', '--set', 'requestCount=4']
  await using simulator = await startSimulator(...cold, ...scaling)
  await using gateway = await startTestGateway({
    baseUrl: simulator.runpodUrl,
    models: [modelAt(simulator.runpodUrl)],
    secrets: { RUNPOD_API_KEY: simulator.key },
    clock: fasterClock(factor),
    config: {
      routing: { circuits: true, retries: true },
      // A socket takes its own time to open, however fast the clock is.
      upstreams: { orphanHoldMs: 15_000, connectMs: 60_000, betweenChunksMs: 280_000 },
    },
  })
  const headers = { 'x-podgate-deadline-ms': '30000' }
  let wokenMax = 0
  const askUntilAnswered = async () => {
    const statuses: number[] = []
    while (statuses.at(-1) !== 200) {
      const response = await gateway.post(chat({ max_tokens: 5 }), { headers })
      await response.text()
      statuses.push(response.status)
      // After 90 s at the latest: answered callers may well have woken more.
      if (statuses.length > 3) continue
      const { workerList } = await simulator.endpoint()
      wokenMax = Math.max(wokenMax, workerList.length)
    }
    return statuses
  }
  const statuses = await Promise.all(Array.from({ length: 50 }, askUntilAnswered))
  expect(wokenMax).toBe(1)
  // Everybody was told that it took too long, and asked again until the worker was there.
  expect(statuses.every((all) => all.length > 2)).toBe(true)
  expect(new Set(statuses.flat())).toEqual(new Set([504, 200]))
  expect(gateway.logLines().filter(({ event }) => event === 'circuit')).toEqual([])
})

test('a worker never has more sequences than its places, but for one call that is alone', async () => {
  await using simulator = await startSimulator('--cold', '0', '--speed', '20')
  await using gateway = await startTestGateway({
    baseUrl: simulator.runpodUrl,
    models: [modelAt(simulator.runpodUrl)],
    secrets: { RUNPOD_API_KEY: simulator.key },
    config: { limits: { concurrencyMax: 10_000 } },
  })
  const ask = async (prompts: number, n: number) => {
    const prompt = Array(prompts).fill('Once upon a time')
    const body = { model: 'test-model', prompt, n, max_tokens: 16 }
    const response = await gateway.post(body, {}, '/v1/completions')
    expect(response.status, await response.text()).toBe(200)
  }
  await ask(1, 1)
  const heavies = Array.from({ length: 3 }, () => ask(256, 8))
  const others = Array.from({ length: 40 }, (_, at) => ask(1 + (at % 5), 1 + (at % 8)))
  await Promise.all([...heavies, ...others])
  const { sequences } = await simulator.endpoint()
  expect(sequences.heldPeak).toBe(256 * 8)
  expect(sequences.sharedPeak).toBeLessThanOrEqual(slots)
  expect(sequences.sharedPeak).toBeGreaterThan(slots / 2)
})
