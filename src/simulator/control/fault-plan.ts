// What goes wrong with one call, or with one worker that boots: the sum of the faults that met it.
// Doors, jobs and workers read these plans; fault-tables.ts says which fault writes what into them.

export type BreakKind = 'cut' | 'end' | 'engine-dies' | 'stall' | 'worker-dies'

export interface FaultPlan {
  /** Answered at the door, before any queue or engine. */
  door:
    | { kind: 'status'; status: number }
    | { kind: 'html'; status: number }
    | { kind: 'string-error' }
    | { kind: 'never' }
    | { kind: 'headers-only' }
    | null
  /** The door waits so long before it looks at the call. */
  latencyMs: number
  /** A good answer of the job API has this status instead of 200. */
  goodStatus: number | null
  /** How wrong the platform's clock is, in the `date` header. */
  clockSkewMs: number
  /** `/health` tells of idle workers that are parked, and of nobody who boots. */
  healthDiffers: boolean
  /** What the engine answers instead of working. */
  reply: 'busy' | 'error-200' | null
  /** How an answer is broken off, and after how many content events. */
  breakOff: { how: BreakKind; after: number } | null
  /** A worker that dies does so each time that the job is given to one. */
  diesAgain: boolean
  slowFirstMs: number
  tokens: number | null
  hidesDone: boolean
  hidesUsage: boolean
  /** The item of `/stream` that is lost on its way, counted from 1; the output keeps it. */
  lostItem: number | null
  /** The worker's result is refused: the job is COMPLETED and has no output. */
  losesOutput: boolean
  /** The record is deleted so long after the call, as at the end of its `ttl`. */
  vanishAfterMs: number | null
  /** So many attempts at the webhook fail, whatever its server says. */
  webhookFailures: number
  /** Nobody who leaves, and no cancellation, reaches the engine. */
  ignoresStop: boolean
}

/** What goes wrong with a worker that boots. */
export interface BootPlan {
  /** No host has a GPU for it, for so long. */
  throttledMs: number
  /** It crashes at the end of its boot and is unhealthy; the platform tries it again. */
  crashes: boolean
  /** Its vLLM dies as soon as it is up: it takes jobs and fails each at once. */
  engineDead: boolean
  /** What is added to the phases of its boot. */
  pullMs: number
  startMs: number
  loadMs: number
  warmUpMs: number
}

export const noFaults: FaultPlan = Object.freeze({
  door: null,
  latencyMs: 0,
  goodStatus: null,
  clockSkewMs: 0,
  healthDiffers: false,
  reply: null,
  breakOff: null,
  diesAgain: false,
  slowFirstMs: 0,
  tokens: null,
  hidesDone: false,
  hidesUsage: false,
  lostItem: null,
  losesOutput: false,
  vanishAfterMs: null,
  webhookFailures: 0,
  ignoresStop: false,
})

export const goodBoot: BootPlan = Object.freeze({
  throttledMs: 0,
  crashes: false,
  engineDead: false,
  pullMs: 0,
  startMs: 0,
  loadMs: 0,
  warmUpMs: 0,
})
