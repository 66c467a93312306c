// How the state of a simulator is drawn as lines that fit the terminal. The state is written by
// hand, and no simulator runs.
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import type { EndpointState, ProviderState, SimulatorState } from '#src/simulator/control/state.ts'
import { drawState } from '#src/simulator/control/watch-view.ts'

const sequences = {
  max: 256,
  running: 0,
  waiting: 0,
  runningPeak: 0,
  heldPeak: 0,
  sharedPeak: 0,
}

const quiet: EndpointState = {
  model: 'microsoft/phi-2',
  workers: { idle: 0, initializing: 0, ready: 0, running: 0, throttled: 0, unhealthy: 0 },
  workerList: [],
  queued: 0,
  running: 0,
  oldestWaitMs: 0,
  sequences,
  callsSeen: 0,
  openConnections: 0,
  clientsLeft: 0,
  aborted: 0,
  completed: 4,
  failed: 1,
  retried: 0,
  generatedTokens: 0,
  tokensPerSecond: 0,
  usd: 0,
}

const worker = {
  phase: 'running' as const,
  release: 1,
  startedAtMs: 0,
  nanoUsdPerSecond: 310_000,
}

const busy: EndpointState = {
  ...quiet,
  queued: 5,
  running: 3,
  oldestWaitMs: 61_500,
  tokensPerSecond: 182.4,
  usd: 0.0123,
  workerList: [
    { ...worker, id: 'abcdefgh123456', jobs: 3, sinceMs: 4200 },
    { ...worker, id: 'ijklmnop123456', phase: 'throttled', jobs: 0, sinceMs: 90_000 },
  ],
}

const provider: ProviderState = {
  models: ['microsoft/phi-2'],
  queued: 0,
  running: 0,
  sequences,
  callsSeen: 0,
  openConnections: 0,
  clientsLeft: 0,
  aborted: 0,
  generatedTokens: 0,
}

const state: SimulatorState = {
  nowMs: Date.UTC(2026, 4, 14, 12, 30, 1),
  sockets: 7,
  usd: 0.0123,
  rules: [{ fault: 'status=503', match: { endpoint: 'sim-phi' }, met: 2 }],
  endpoints: { 'sim-qwen': busy, 'sim-phi': quiet },
  provider,
}
const screen = { columns: 120, rows: 40, hasColour: false }

test('shows queue, workers with their phases, running calls, tokens per second and money', () => {
  expect(drawState('http://127.0.0.1:8090', state, screen)).toEqual([
    'http://127.0.0.1:8090   2026-05-14 12:30:01   $0.0123   7 connections',
    'sim-qwen         queue 5 (1m01s)    running 3    182 tokens/s    $0.0123    done 4  failed 1',
    '  ▒▒▒▒▒',
    '  abcdefgh123456   running    4.2 s      3 calls  ███',
    '  ijklmnop123456   throttled  1m30s',
    'sim-phi          queue 0            running 0    0 tokens/s      $0.0000    done 4  failed 1',
    'fault status=503 endpoint=sim-phi, met 2',
  ])
})

test('shows the provider once it was asked', () => {
  const asked = { ...state, endpoints: {}, provider: { ...provider, running: 2, callsSeen: 3 } }
  const [, drawn] = drawState('x', asked, screen)
  expect(drawn).toBe('provider         queue 0            running 2    seen 3')
})

test('fits the terminal: long lines are cut, and what is below is counted', () => {
  const lines = drawState('http://127.0.0.1:8090', state, { ...screen, columns: 30, rows: 4 })
  expect(lines).toHaveLength(4)
  expect(lines.map(({ length }) => length)).toEqual([30, 30, 7, 14])
  expect(lines.at(-1)).toBe('… 4 more lines')
})

test('has colour only where there is some', () => {
  const plain = drawState('x', state, screen).join('\n')
  const coloured = drawState('x', state, { ...screen, hasColour: true }).join('\n')
  expect(plain).not.toContain('\u001b')
  expect(coloured).toContain('\u001b[31m  ijklmnop123456')
  expect(stripVTControlCharacters(coloured)).toBe(plain)
})
