// One job of the job API: what state it is in, what it has produced, what nobody has read yet. It
// is where a worker's answer goes, so it is written as a sink; readers wait with a listener.
import { randomUUID } from 'node:crypto'
import type { Clock } from '#domain'
import {
  isTerminal,
  type JobEnvelope,
  type JobStatus,
  lostWorkerError,
  vllmRefusedError,
} from '#wire'
import type { EndpointCounters } from './endpoint.ts'
import type { JobSink } from './reply-sink.ts'
import type { Leave } from './work.ts'

export interface JobRecord {
  readonly id: string
  readonly sink: JobSink
  readonly listeners: Set<() => void>
  status(): JobStatus
  envelope(): JobEnvelope
  /** What was produced since the last time somebody asked; it is given out once. */
  drain(): { output: unknown }[]
  hasUnread(): boolean
  /** False: it had ended before. */
  cancel(leave: Leave): boolean
  /** When it may be forgotten, on the clock's ticks; null: not while it runs. */
  expiresAtMs(): number | null
}

export function openJob(
  kind: 'run' | 'runsync',
  retentionMs: number,
  counters: EndpointCounters,
  clock: Clock,
): JobRecord {
  const id = `${kind === 'runsync' ? 'sync-' : ''}${randomUUID()}-u1`
  const submittedMs = clock.ticksMs()
  const output: unknown[] = []
  const listeners = new Set<() => void>()
  let unread: { output: unknown }[] = []
  let status: JobStatus = 'IN_QUEUE'
  let startedMs: number | null = null
  let endedMs: number | null = null
  let workerId: string | null = null
  let error: string | null = null
  /** The event before the first token leaves in one slice with it. */
  let held = ''

  function tell(): void {
    for (const listener of [...listeners]) listener()
  }

  function yieldItem(item: unknown): void {
    if (isTerminal(status)) return
    output.push(item)
    unread.push({ output: item })
    tell()
  }

  function close(ending: JobStatus, cause: string | null): void {
    if (isTerminal(status)) return
    status = ending
    error = cause
    endedMs = clock.ticksMs()
    counters[ending === 'COMPLETED' ? 'completed' : 'failed'] += 1
    tell()
  }

  const sink: JobSink = {
    started(worker) {
      status = 'IN_PROGRESS'
      workerId = worker
      startedMs = clock.ticksMs()
      tell()
    },
    failed: (cause) => close('FAILED', cause),
    whole(code, body) {
      if (code >= 400) return close('FAILED', vllmRefusedError(code, body))
      yieldItem(body === '' ? null : readJson(body))
      close('COMPLETED', null)
    },
    tornWhole: () => close('FAILED', lostWorkerError),
    open() {},
    event(text, kind) {
      held += text
      if (kind !== 'start') {
        yieldItem(held)
        held = ''
      }
      return true
    },
    whenDrained: (callback) => callback(),
    end: () => close('COMPLETED', null),
    breakOff: () => close('FAILED', lostWorkerError),
  }

  return {
    id,
    sink,
    listeners,
    status: () => status,
    envelope: () => ({
      ...(startedMs !== null && { delayTime: Math.round(startedMs - submittedMs) }),
      ...(error !== null && { error }),
      ...(endedMs !== null &&
        startedMs !== null && { executionTime: Math.round(endedMs - startedMs) }),
      id,
      ...(status === 'COMPLETED' && { output }),
      status,
      ...(workerId !== null && { workerId }),
    }),
    drain() {
      const items = unread
      unread = []
      return items
    },
    hasUnread: () => unread.length > 0,
    cancel(leave) {
      if (isTerminal(status)) return false
      close('CANCELLED', null)
      leave()
      return true
    },
    expiresAtMs: () => (endedMs === null ? null : endedMs + retentionMs),
  }
}

/** A broken body (a fault of ours) becomes the text that it is. */
function readJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return body
  }
}
