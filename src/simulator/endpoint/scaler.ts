// When workers are started. REQUEST_COUNT wants one for so many jobs, waiting or running;
// QUEUE_DELAY adds one when a job has waited too long, and another each time that it has waited as
// long again. Neither stops a worker: the idle timeout does.
import type { Clock, Timer } from '#domain'
import type { JobQueue } from '../crew.ts'
import type { EndpointSettings } from './fleet-options.ts'

export interface Scaler {
  /** The queue or the workers changed. */
  look(): void
  close(): void
}

export interface ScalerPorts {
  clock: Clock
  queue: JobQueue
  settings(): EndpointSettings
  /** Jobs in the hands of workers. */
  running(): number
  /** Workers that count: all but parked ones and those about to leave. */
  staying(): number
  start(): void
}

export function openScaler(ports: ScalerPorts): Scaler {
  const { clock, queue, settings, running, staying, start } = ports
  let timer: Timer | null = null
  let startedAtMs = Number.NEGATIVE_INFINITY

  function wanted(): number {
    const { scaler, requestCount, slotsPerWorker, queueDelayMs } = settings()
    const jobs = queue.wanting() + running()
    if (scaler === 'REQUEST_COUNT') return Math.ceil(jobs / (requestCount ?? slotsPerWorker))
    return queue.wanting() > 0 && waitLeftMs(queueDelayMs) <= 0 ? staying() + 1 : 0
  }

  /** Until a job has waited so long that a worker is due. */
  function waitLeftMs(queueDelayMs: number): number {
    const sinceStartMs = clock.ticksMs() - startedAtMs
    return queueDelayMs - Math.min(queue.oldestWaitMs(), sinceStartMs)
  }

  function scale(): void {
    const { workersMin, workersMax } = settings()
    const most = Math.max(workersMin, workersMax)
    const due = Math.min(Math.max(wanted(), workersMin), most)
    for (let more = due - staying(); more > 0; more -= 1) {
      startedAtMs = clock.ticksMs()
      start()
    }
  }

  function look(): void {
    const { scalerTickMs, scaler, queueDelayMs } = settings()
    if (timer !== null) return
    if (scalerTickMs > 0) {
      if (queue.length() > 0 || staying() < settings().workersMin) wait(scalerTickMs)
      return
    }
    scale()
    if (scaler !== 'QUEUE_DELAY' || queue.wanting() === 0) return
    if (staying() < settings().workersMax) wait(Math.max(1, Math.ceil(waitLeftMs(queueDelayMs))))
  }

  function wait(ms: number): void {
    timer = clock.after(ms, () => {
      timer = null
      scale()
      look()
    })
  }

  return { look, close: () => timer?.cancel() }
}
