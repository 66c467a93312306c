// What can be seen of an endpoint's simulated workers, and what can be done to them from outside.
import type { WorkerView } from './worker-events.ts'

export interface SimulatedFleet {
  views(): WorkerView[]
  generatedTokens(): number
  /** What the containers that run now cost in a second. */
  nanoUsdPerSecond(): number
  /** All workers are stale: idle ones stop now, busy ones when they are done. */
  replaceAll(isRelease: boolean): void
  /** How many workers there may be: what was set, or less after quiet days. */
  workersMax(): number
  /** There may be as many workers again as were set, whatever quiet days made of it. */
  restoreMax(): void
  /** A worker's host goes away; without an id, the busiest's. False: there is no such worker. */
  lose(workerId: string | null): boolean
  /** A worker's vLLM dies and stays dead; without an id, the busiest's. False: it has none up. */
  killEngine(workerId: string | null): boolean
}
