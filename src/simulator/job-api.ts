// RunPod's job API for queue-based endpoints: run, runsync, status, status-sync, stream, cancel,
// purge-queue and health. `/stream` is a destructive long poll: it gives each slice once, and holds
// an empty poll for ten seconds unless `wait` says otherwise.
import { STATUS_CODES } from 'node:http'
import type { Clock } from '#domain'
import {
  type EndpointHealth,
  isJsonObject,
  isTerminal,
  type JobStreamReply,
  type JobSubmission,
  parseObject,
} from '#wire'
import { answeredByFault, countCall, type DoorCall } from './door.ts'
import type { Endpoint } from './endpoint.ts'
import type { FaultPlan } from './faults.ts'
import { sendWhole } from './http-sink.ts'
import { type JobRecord, openJob } from './job-record.ts'
import type { Leave } from './work.ts'

export interface JobApi {
  /** False: there is no such operation. */
  serve(call: DoorCall, faults: () => FaultPlan): boolean
}

const edge = { server: 'cloudflare', 'cf-cache-status': 'DYNAMIC' }
const retentionMs = { run: 30 * 60_000, runsync: 60_000 }
const streamHoldMs = 10_000
const runsyncHoldMs = 90_000
const holdMinMs = 1000
const holdMaxMs = 300_000

interface Entry {
  job: JobRecord
  leave: Leave
}

export function openJobApi(endpoint: Endpoint, jobsMax: number, clock: Clock): JobApi {
  const entries = new Map<string, Entry>()

  function submit(call: DoorCall, kind: 'run' | 'runsync', faults: FaultPlan): Entry | null {
    countCall(endpoint, call.response)
    if (answeredByFault(faults, call.response, edge, errorBody)) return null
    const submission = readSubmission(call.body)
    if (submission === null) {
      reply(call, 400, { error: 'the body must be a JSON object with an `input` object' })
      return null
    }
    const job = openJob(kind, retentionMs[kind], endpoint.counters, clock)
    forgetOld()
    const leave =
      entries.size < jobsMax
        ? endpoint.submit({ input: submission.input, faults, sink: job.sink })
        : null
    if (leave === null) {
      reply(call, 429, { error: 'too many requests' })
      return null
    }
    const entry = { job, leave }
    entries.set(job.id, entry)
    return entry
  }

  /** Jobs end in about the order in which they came, so the oldest are looked at first. */
  function forgetOld(): void {
    for (const [id, { job }] of entries) {
      const expiresAtMs = job.expiresAtMs()
      const full = entries.size >= jobsMax && expiresAtMs !== null
      if (!full && (expiresAtMs === null || expiresAtMs > clock.ticksMs())) return
      entries.delete(id)
    }
  }

  function find(call: DoorCall, id: string): Entry | null {
    const entry = entries.get(id)
    const expiresAtMs = entry?.job.expiresAtMs() ?? Number.POSITIVE_INFINITY
    if (entry !== undefined && expiresAtMs > clock.ticksMs()) return entry
    reply(call, 404, { error: 'job not found' })
    return null
  }

  function hold(
    call: DoorCall,
    job: JobRecord,
    ms: number,
    ready: () => boolean,
    done: () => void,
  ) {
    if (ready()) return done()
    const finish = () => {
      timer.cancel()
      job.listeners.delete(look)
      call.response.off('close', finish)
      if (!call.response.destroyed) done()
    }
    const look = () => {
      if (ready()) finish()
    }
    const timer = clock.after(ms, finish)
    job.listeners.add(look)
    call.response.once('close', finish)
  }

  const ended = (job: JobRecord) => () => isTerminal(job.status())

  const operations: {
    readonly [name: string]: (call: DoorCall, id: string, faults: () => FaultPlan) => void
  } = {
    run(call, _, faults) {
      const entry = submit(call, 'run', faults())
      if (entry !== null) reply(call, 200, { id: entry.job.id, status: 'IN_QUEUE' })
    },
    runsync(call, _, faults) {
      const entry = submit(call, 'runsync', faults())
      if (entry === null) return
      const { job } = entry
      hold(call, job, holdOf(call, runsyncHoldMs), ended(job), () => {
        reply(call, 200, job.envelope())
      })
    },
    status(call, id) {
      const entry = find(call, id)
      if (entry !== null) reply(call, 200, entry.job.envelope())
    },
    'status-sync'(call, id) {
      const job = find(call, id)?.job
      if (job === undefined) return
      hold(call, job, holdOf(call, runsyncHoldMs), ended(job), () => {
        reply(call, 200, job.envelope())
      })
    },
    stream(call, id) {
      const job = find(call, id)?.job
      if (job === undefined) return
      const ready = () => job.hasUnread() || isTerminal(job.status())
      hold(call, job, holdOf(call, streamHoldMs), ready, () => {
        const answer: JobStreamReply = { status: job.status(), stream: job.drain() }
        reply(call, 200, answer)
      })
    },
    cancel(call, id) {
      const entry = find(call, id)
      if (entry === null) return
      if (entry.job.cancel(entry.leave)) endpoint.counters.aborted += 1
      reply(call, 200, { id, status: entry.job.status() })
    },
    'purge-queue'(call) {
      const queued = [...entries.values()].filter(({ job }) => job.status() === 'IN_QUEUE')
      for (const { job, leave } of queued) job.cancel(leave)
      reply(call, 200, { removed: queued.length, status: 'completed' })
    },
    health: (call) => reply(call, 200, healthOf(endpoint)),
  }

  return {
    serve(call, faults) {
      const [name = '', id = ''] = call.path.split('/').filter(Boolean)
      const operation = Object.hasOwn(operations, name) ? operations[name] : undefined
      operation?.(call, id, faults)
      return operation !== undefined
    },
  }
}

/** Idle and ready are one number, as in every sample that RunPod has published. */
function healthOf(endpoint: Endpoint): EndpointHealth {
  const { idle, initializing, running } = endpoint.workers()
  const load = endpoint.load()
  const { completed, failed } = endpoint.counters
  return {
    jobs: { completed, failed, inProgress: load.running, inQueue: load.queued, retried: 0 },
    workers: { idle, initializing, ready: idle, running, throttled: 0, unhealthy: 0 },
  }
}

function readSubmission(body: Buffer): JobSubmission | null {
  const value = parseObject(body.toString('utf8'))
  return value !== null && isJsonObject(value.input) ? { input: value.input } : null
}

function holdOf(call: DoorCall, otherwise: number): number {
  const asked = call.query.get('wait')
  const ms = asked === null ? otherwise : Number(asked)
  return Number.isFinite(ms) ? Math.min(Math.max(ms, holdMinMs), holdMaxMs) : otherwise
}

function reply(call: DoorCall, status: number, value: object): void {
  sendWhole(call.response, status, edge, JSON.stringify(value))
}

function errorBody(status: number): string {
  return JSON.stringify({ error: (STATUS_CODES[status] ?? 'error').toLowerCase() })
}
