// A simulator on a free port for a test file, with the calls that tests make of it.
import { afterAll, beforeAll } from 'vitest'
import { type Clock, systemClock } from '#src/domain/index.ts'
import type { ProviderState } from '#src/simulator/control/state.ts'
import type { SequenceCounts } from '#src/simulator/engine/sequence-room.ts'
import { type Simulator, simulatorOptions, startSimulator } from '#src/simulator/index.ts'

export interface Running {
  url(): string
  /** A call with the key and JSON; the body may be a value or text. */
  call(path: string, body?: unknown, init?: RequestInit): Promise<Response>
  state(): Promise<SimulatorState>
}

interface SimulatorState {
  sockets: number
  usd: number
  endpoints: { [id: string]: EndpointState }
  provider: ProviderState
}

export interface EndpointState {
  workers: { idle: number; initializing: number; running: number }
  queued: number
  running: number
  sequences: SequenceCounts
  callsSeen: number
  openConnections: number
  clientsLeft: number
  aborted: number
  completed: number
  failed: number
  generatedTokens: number
}

/** Starts before the file's tests and closes after them. Fast and warm unless told otherwise. */
export function runSimulator(options: object = {}, clock: Clock = systemClock): Running {
  let simulator: Simulator
  beforeAll(async () => {
    const fast = { port: 0, coldMs: 0, speed: 1000, ...options }
    simulator = await startSimulator(simulatorOptions.parse(fast), clock)
  })
  afterAll(() => simulator.close())
  const url = () => simulator.url
  const call: Running['call'] = (path, body, init) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const headers = { authorization: 'Bearer sim-key', 'content-type': 'application/json' }
    const method = body === undefined ? 'GET' : 'POST'
    const given = body === undefined ? {} : { body: text }
    return fetch(`${url()}${path}`, { method, headers, ...given, ...init })
  }
  return {
    url,
    call,
    async state() {
      return (await (await call('/__control/state')).json()) as SimulatorState
    },
  }
}

export function chat(content: string, more: object = {}): object {
  return { messages: [{ role: 'user', content }], ...more }
}
