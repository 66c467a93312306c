// What can be seen of an endpoint's simulated workers, and what can be done to them from outside.
import type { WorkerView } from './worker-events.ts'

export interface SimulatedFleet {
  views(): WorkerView[]
  generatedTokens(): number
  /** What the containers that run now cost in a second. */
  nanoUsdPerSecond(): number
  /** All workers are stale: idle ones stop now, busy ones when they are done. */
  replaceAll(isRelease: boolean): void
  /** Workers that there may be: what was set, or what the platform made of it. */
  workersMax(): number
  /** Takes back what the platform made of the most workers in quiet days. */
  restoreMax(): void
  /** The host of a worker is gone; without an id, of the busiest. False: there is none such. */
  lose(workerId: string | null): boolean
  /** A worker's vLLM dies and stays dead; without an id, the busiest's. False: it has none up. */
  killEngine(workerId: string | null): boolean
}
