// One queue-based endpoint of RunPod: a first-in-first-out queue of jobs, and workers that start
// cold, take as many jobs as they have slots (the first one hoards), and stop when they were idle.
import { randomBytes } from 'node:crypto'
import type { Clock, Timer } from '#domain'
import { executionTimeoutError } from '#wire'
import { type Engine, startEngine } from './engine/vllm-server.ts'
import type { EndpointOptions, SimulatorOptions } from './options.ts'
import { type Leave, startWork, type Work } from './work.ts'

export interface Endpoint {
  readonly id: string
  readonly model: EndpointOptions
  /** A stock vLLM server beside the workers, always up. */
  readonly bareEngine: Engine
  readonly counters: EndpointCounters
  /** Null: the queue is full. */
  submit(work: Work): Leave | null
  load(): { queued: number; running: number }
  workers(): { idle: number; initializing: number; running: number }
  generatedTokens(): number
  /** Idle workers stop now, busy ones when they are done. */
  makeCold(): void
  close(): void
}

/** What happened here since the start. */
export interface EndpointCounters {
  callsSeen: number
  openConnections: number
  /** Clients that left before the end of their answer. */
  clientsLeft: number
  /** Generations stopped because a client left or a job was cancelled. */
  aborted: number
  completed: number
  failed: number
}

interface Worker {
  readonly id: string
  readonly engine: Engine
  ready: boolean
  leaving: boolean
  jobs: number
  timer: Timer | null
}

export function openEndpoint(
  id: string,
  model: EndpointOptions,
  options: SimulatorOptions,
  clock: Clock,
): Endpoint {
  const queue: Work[] = []
  const workers = new Set<Worker>()
  const leaves = new WeakMap<Work, Leave>()
  const bareEngine = startEngine(model, options, clock)
  const counters: EndpointCounters = {
    callsSeen: 0,
    openConnections: 0,
    clientsLeft: 0,
    aborted: 0,
    completed: 0,
    failed: 0,
  }
  const jobs = new Set<Leave>()
  let stoppedTokens = 0
  let isDispatching = false
  let isClosed = false

  const running = () => [...workers].reduce((sum, worker) => sum + worker.jobs, 0)

  function scale(): void {
    const wanted = Math.ceil((queue.length + running()) / options.slotsPerWorker)
    const staying = [...workers].filter((worker) => !worker.leaving).length
    for (let more = Math.min(wanted, options.workersMax) - staying; more > 0; more -= 1) {
      startWorker()
    }
  }

  function startWorker(): void {
    const worker: Worker = {
      id: randomBytes(7).toString('hex'),
      engine: startEngine(model, options, clock),
      ready: false,
      leaving: false,
      jobs: 0,
      timer: null,
    }
    workers.add(worker)
    worker.timer = clock.after(options.coldMs, () => {
      worker.ready = true
      rest(worker)
      dispatch()
    })
  }

  /** A job that fails at once frees its place while this loop runs; the loop sees it by itself. */
  function dispatch(): void {
    if (isDispatching || isClosed) return
    isDispatching = true
    for (const worker of workers) {
      while (worker.ready && !worker.leaving && worker.jobs < options.slotsPerWorker) {
        const work = queue.shift()
        if (work === undefined) break
        runJob(worker, work)
      }
    }
    isDispatching = false
    scale()
  }

  function runJob(worker: Worker, work: Work): void {
    worker.timer?.cancel()
    worker.jobs += 1
    let stop: Leave = () => {}
    let over = false
    const release = () => {
      if (over) return
      over = true
      limit.cancel()
      jobs.delete(leave)
      worker.jobs -= 1
      rest(worker)
      dispatch()
    }
    const limit = clock.after(options.executionTimeoutMs, () => {
      stop()
      work.sink.failed(executionTimeoutError)
      release()
    })
    const leave = () => {
      stop()
      release()
    }
    jobs.add(leave)
    leaves.set(work, leave)
    work.sink.started(worker.id)
    stop = startWork(worker.engine, model.model, work, release)
    if (over) stop()
  }

  /** A worker without jobs stops after a while, or at once when it is told to leave. */
  function rest(worker: Worker): void {
    if (worker.jobs > 0 || isClosed) return
    if (worker.leaving) return stopWorker(worker)
    worker.timer = clock.after(options.idleTimeoutMs, () => stopWorker(worker))
  }

  function stopWorker(worker: Worker): void {
    worker.timer?.cancel()
    worker.engine.close()
    stoppedTokens += worker.engine.generatedTokens()
    workers.delete(worker)
  }

  return {
    id,
    model,
    bareEngine,
    counters,
    submit(work) {
      if (queue.length >= options.queueMax) return null
      leaves.set(work, () => {
        const at = queue.indexOf(work)
        if (at !== -1) queue.splice(at, 1)
      })
      queue.push(work)
      dispatch()
      return () => leaves.get(work)?.()
    },
    load: () => ({ queued: queue.length, running: running() }),
    workers() {
      const all = [...workers]
      const ready = all.filter((worker) => worker.ready)
      const idle = ready.filter((worker) => worker.jobs === 0).length
      return { idle, initializing: all.length - ready.length, running: ready.length - idle }
    },
    generatedTokens: () =>
      [...workers].reduce(
        (sum, worker) => sum + worker.engine.generatedTokens(),
        stoppedTokens + bareEngine.generatedTokens(),
      ),
    makeCold() {
      for (const worker of [...workers]) {
        worker.leaving = true
        if (worker.jobs === 0) stopWorker(worker)
      }
      scale()
    },
    close() {
      isClosed = true
      queue.length = 0
      for (const leave of [...jobs]) leave()
      for (const worker of [...workers]) stopWorker(worker)
      bareEngine.close()
    },
  }
}
