// What an operation of the job API is given, and how it holds a call until a job is where the
// caller wants it, or until the wait that was asked for is over.
import type { Account, Endpoint } from '../contract.ts'
import type { FaultPlan } from '../control/fault-plan.ts'
import type { DoorCall } from '../edge/door.ts'
import type { JobRecord } from './job-record.ts'

export interface JobCall {
  readonly call: DoorCall
  /** What follows the operation in the path. */
  readonly jobId: string
  readonly faults: FaultPlan
  readonly endpoint: Endpoint
  readonly account: Account
  reply(status: number, value: object): void
}

export function tooMany(asked: JobCall): void {
  asked.reply(429, { error: 'too many requests' })
}

/** A caller who leaves has taken nothing with him. A job that is deleted while somebody waits for
 * it is not found. */
export function hold(
  asked: JobCall,
  job: JobRecord,
  otherwiseMs: number,
  isReady: () => boolean,
  answer: () => void,
): void {
  const { response } = asked.call
  const give = () => {
    if (job.isGone()) asked.reply(404, { error: 'job not found' })
    else answer()
  }
  if (isReady()) return give()
  const finish = () => {
    timer.cancel()
    job.listeners.delete(look)
    response.off('close', finish)
    if (!response.destroyed && !response.headersSent) give()
  }
  const look = () => {
    if (isReady()) finish()
  }
  const timer = asked.account.clock.after(waitOf(asked.call, otherwiseMs), finish)
  job.listeners.add(look)
  response.once('close', finish)
}

const waitMinMs = 1000
const waitMaxMs = 300_000

/** `?wait=` in milliseconds, within the platform's bounds. */
function waitOf(call: DoorCall, otherwiseMs: number): number {
  const asked = call.query.get('wait')
  const ms = asked === null || asked === '' ? Number.NaN : Number(asked)
  return Number.isFinite(ms) ? Math.min(Math.max(ms, waitMinMs), waitMaxMs) : otherwiseMs
}
