// Replays a trace against one endpoint on a clock of its own: ten days pass in seconds, with every
// start, stop and idle minute of every worker. The bill comes from container events; beside it a
// second count adds up, step by step of the clock, what the workers' states say is being billed.
import { type NanoUsd, usdFromNanoUsd } from '#domain'
import { openAccount } from '../account.ts'
import { openManualClock } from '../clock/manual-clock.ts'
import type { Account, Endpoint } from '../contract.ts'
import { faultPlan } from '../control/faults.ts'
import type { JobSink } from '../job-sink.ts'
import type { SimulatorOptions } from '../options.ts'
import { openSimulatedCrew } from '../worker/simulated-crew.ts'
import type { TraceCall } from './read-trace.ts'
import { traceHands } from './trace-hands.ts'

export interface TraceReport {
  endpoint: string
  calls: number
  completed: number
  /** Calls that a full queue refused, too. */
  failed: number
  generatedTokens: number
  days: number
  /** Containers started. */
  starts: number
  usdPerWorkerSecond: number
  /** Lives of containers, each rounded up to the next second. */
  billedUsd: number
  /** The same by the states that workers were in, not rounded. */
  countedUsd: number
  /** From a call to a worker that began it. */
  waitMs: { p50: number; p95: number; most: number }
}

const startMs = Date.UTC(2026, 0, 1)
const dayMs = 86_400_000
/** What is still running after the last call has so long to end. */
const endingMs = dayMs

export function runTrace(
  options: SimulatorOptions,
  endpointId: string,
  calls: readonly TraceCall[],
  onProgress: (doneShare: number) => void = () => {},
): TraceReport | null {
  const model = options.endpoints[endpointId]
  if (model === undefined) return null
  const clock = openManualClock(startMs)
  const asked = new Map<string, TraceCall>()
  const account = openAccount(
    { ...options, endpoints: { [endpointId]: { ...model, workers: 'simulated' } } },
    clock,
    (ports) => openSimulatedCrew(ports, (crew) => traceHands(crew, (jobId) => asked.get(jobId))),
  )
  const endpoint = account.endpoints.get(endpointId)
  if (endpoint === undefined) return null
  let counted = 0
  clock.onStep((ms) => {
    counted += (ms / 1000) * (endpoint.fleet?.nanoUsdPerSecond() ?? 0)
  })
  const seen: Seen = { calls, asked, waits: [], refused: 0 }
  askAll(account, endpoint, seen)
  const lastMs = calls.at(-1)?.atMs ?? 0
  for (let doneMs = 0; doneMs < lastMs; doneMs += dayMs) {
    clock.run(Math.min(dayMs, lastMs - doneMs))
    onProgress(Math.min(1, (doneMs + dayMs) / lastMs))
  }
  clock.run(endingMs)
  const generatedTokens = endpoint.generatedTokens()
  account.close()
  return report(account, endpoint, seen, { counted, generatedTokens })
}

interface Seen {
  readonly calls: readonly TraceCall[]
  /** Those that have not ended, by the ids of their jobs. */
  readonly asked: Map<string, TraceCall>
  readonly waits: number[]
  /** Calls that the full queue did not take. */
  refused: number
}

/** Each call asks for the next one to be asked at its time, so that few timers wait. */
function askAll({ clock, newJobId }: Account, endpoint: Endpoint, seen: Seen): void {
  const { calls, asked, waits } = seen
  const begunMs = clock.ticksMs()
  function ask(at: number): void {
    const call = calls[at]
    if (call === undefined) return
    clock.after(Math.max(0, begunMs + call.atMs - clock.ticksMs()), () => {
      const jobId = newJobId('run')
      const queuedAtMs = clock.ticksMs()
      asked.set(jobId, call)
      const leave = endpoint.submit({
        jobId,
        input: { prompt: jobId },
        faults: faultPlan([]),
        sink: waitSink(
          () => waits.push(clock.ticksMs() - queuedAtMs),
          () => asked.delete(jobId),
        ),
      })
      if (leave === null) {
        asked.delete(jobId)
        seen.refused += 1
      }
      ask(at + 1)
    })
  }
  ask(0)
}

function waitSink(onStart: () => void, onEnd: () => void): JobSink {
  return {
    started: onStart,
    yielded: () => true,
    whenDrained: (callback) => callback(),
    progressed() {},
    done: onEnd,
    failed: onEnd,
    requeued() {},
    torn: onEnd,
  }
}

function report(
  { bill }: Account,
  { id, counters }: Endpoint,
  seen: Seen,
  { counted, generatedTokens }: { counted: NanoUsd; generatedTokens: number },
): TraceReport {
  const waits = seen.waits.toSorted((one, other) => one - other)
  const wait = (share: number) => Math.round(waits[Math.floor(share * (waits.length - 1))] ?? 0)
  return {
    endpoint: id,
    calls: seen.calls.length,
    completed: counters.completed,
    failed: counters.failed + seen.refused,
    generatedTokens,
    days: (seen.calls.at(-1)?.atMs ?? 0) / dayMs,
    starts: bill.starts(),
    usdPerWorkerSecond: bill.spans()[0]?.usdPerSecond ?? 0,
    billedUsd: bill.usd(),
    countedUsd: usdFromNanoUsd(counted),
    waitMs: { p50: wait(0.5), p95: wait(0.95), most: wait(1) },
  }
}
