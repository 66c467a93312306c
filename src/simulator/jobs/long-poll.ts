// Holds a call until a job is where the caller wants it, or until the wait that it asked for is
// over. A caller who leaves has taken nothing with him.
import type { Clock } from '#domain'
import type { DoorCall } from '../edge/door.ts'
import type { JobRecord } from './job-record.ts'

const waitMinMs = 1000
const waitMaxMs = 300_000

export function holdCall(
  call: DoorCall,
  job: JobRecord,
  waitMs: number,
  isReady: () => boolean,
  clock: Clock,
  answer: () => void,
): void {
  if (isReady()) return answer()
  const finish = () => {
    timer.cancel()
    job.listeners.delete(look)
    call.response.off('close', finish)
    if (!call.response.destroyed && !call.response.headersSent) answer()
  }
  const look = () => {
    if (isReady()) finish()
  }
  const timer = clock.after(waitMs, finish)
  job.listeners.add(look)
  call.response.once('close', finish)
}

/** `?wait=` in milliseconds, within the platform's bounds. */
export function waitOf(call: DoorCall, otherwiseMs: number): number {
  const asked = call.query.get('wait')
  const ms = asked === null || asked === '' ? Number.NaN : Number(asked)
  return Number.isFinite(ms) ? Math.min(Math.max(ms, waitMinMs), waitMaxMs) : otherwiseMs
}
