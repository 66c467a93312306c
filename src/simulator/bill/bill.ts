// What the workers of an account cost, from the starts and stops of their containers and nothing
// else: each life is rounded up to the next second, times GPUs, times price, as RunPod bills. Lives
// that are over are kept for reports up to a bound; the sums know all of them.
import { type NanoUsd, usdFromNanoUsd } from '#domain'
import type { WorkerEvent } from '../worker/worker-events.ts'

/** The life of one container. */
export interface WorkerSpan {
  endpointId: string
  workerId: string
  startedAtMs: number
  /** Null: it still runs. */
  stoppedAtMs: number | null
  usdPerSecond: number
}

export interface Bill {
  note(event: WorkerEvent): void
  /** Lives, the oldest first; those that go on are at the end. */
  spans(): readonly WorkerSpan[]
  /** Of one endpoint or of all, up to this moment. */
  nanoUsd(endpointId?: string): NanoUsd
  usd(endpointId?: string): number
  /** How many containers have started. */
  starts(endpointId?: string): number
}

interface Running {
  span: WorkerSpan
  startTicksMs: number
  nanoUsdPerSecond: number
}

interface Sum {
  nanoUsd: number
  starts: number
}

const spansMax = 100_000

/** `ticksMs` are the clock's. */
export function openBill(ticksMs: () => number): Bill {
  const running = new Map<string, Running>()
  const sums = new Map<string, Sum>()
  const over: WorkerSpan[] = []

  function sumOf(endpointId: string): Sum {
    const sum = sums.get(endpointId) ?? { nanoUsd: 0, starts: 0 }
    sums.set(endpointId, sum)
    return sum
  }

  function begin({ endpointId, workerId, atMs, ticksMs, nanoUsdPerSecond }: WorkerEvent): void {
    const usdPerSecond = usdFromNanoUsd(nanoUsdPerSecond)
    const span = { endpointId, workerId, startedAtMs: atMs, stoppedAtMs: null, usdPerSecond }
    running.set(workerId, { span, startTicksMs: ticksMs, nanoUsdPerSecond })
    sumOf(endpointId).starts += 1
  }

  function end({ workerId, atMs, ticksMs }: WorkerEvent): void {
    const life = running.get(workerId)
    if (life === undefined) return
    running.delete(workerId)
    life.span.stoppedAtMs = atMs
    sumOf(life.span.endpointId).nanoUsd += costOf(life, ticksMs)
    over.push(life.span)
    if (over.length > spansMax) over.splice(0, spansMax / 10)
  }

  function nanoUsd(endpointId?: string): NanoUsd {
    let sum = 0
    for (const [id, { nanoUsd: ended }] of sums) if ((endpointId ?? id) === id) sum += ended
    for (const life of running.values()) {
      if ((endpointId ?? life.span.endpointId) === life.span.endpointId) {
        sum += costOf(life, ticksMs())
      }
    }
    return sum
  }

  return {
    note(event) {
      if (event.what === 'start') begin(event)
      if (event.what === 'crash' || event.what === 'park' || event.what === 'stop') end(event)
    },
    spans: () => [...over, ...[...running.values()].map(({ span }) => span)],
    nanoUsd,
    usd: (endpointId) => usdFromNanoUsd(nanoUsd(endpointId)),
    starts(endpointId) {
      const asked = [...sums].filter(([id]) => (endpointId ?? id) === id)
      return asked.reduce((sum, [, { starts }]) => sum + starts, 0)
    },
  }
}

/** Whole microseconds first: the difference of two fractions must not become another second. */
function costOf({ startTicksMs, nanoUsdPerSecond }: Running, stopTicksMs: number): NanoUsd {
  const microseconds = Math.round((stopTicksMs - startTicksMs) * 1000)
  return Math.ceil(microseconds / 1e6) * nanoUsdPerSecond
}
