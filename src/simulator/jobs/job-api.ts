// RunPod's job API for queue-based endpoints, one operation after the other. `/stream` is a
// destructive long poll: it gives each slice once, and holds an empty poll for ten seconds unless
// `wait` says otherwise.
import { isTerminal, type JobStreamReply } from '#wire'
import { serveBatch } from './batch-api.ts'
import { healthOf, metricsOf } from './endpoint-health.ts'
import { hold, type JobCall, tooMany } from './job-call.ts'
import type { JobEntry } from './job-store.ts'
import type { OperationName } from './operation-names.ts'
import { startJob } from './start-job.ts'
import { readSubmission } from './submission.ts'

export interface JobOperation {
  readonly method: 'POST' | 'any'
  /** It makes a job wait, so it meets the faults that are for work. */
  readonly asksForWork: boolean
  serve(asked: JobCall): void
}

const streamHoldMs = 10_000
const syncHoldMs = 90_000
const listedMax = 100

type Serve = JobOperation['serve']
const work = (serve: Serve): JobOperation => ({ method: 'POST', asksForWork: true, serve })
const command = (serve: Serve): JobOperation => ({ method: 'POST', asksForWork: false, serve })
/** The Go SDK posts where the others get. */
const question = (serve: Serve): JobOperation => ({ method: 'any', asksForWork: false, serve })

export const jobOperations: { readonly [name in OperationName]: JobOperation } = {
  run: work((asked) => {
    const entry = submit(asked, 'run')
    if (entry !== null) asked.reply(200, { id: entry.job.id, status: 'IN_QUEUE' })
  }),
  runsync: work((asked) => {
    const entry = submit(asked, 'runsync')
    if (entry !== null) replyWhenOver(asked, entry)
  }),
  status: question((asked) => {
    const entry = find(asked)
    if (entry === null) return
    const ttlMs = Number(asked.call.query.get('ttl') ?? Number.NaN)
    if (Number.isInteger(ttlMs) && ttlMs > 0) asked.endpoint.jobs.setTtl(asked.jobId, ttlMs)
    asked.reply(200, entry.job.envelope())
  }),
  'status-sync': question((asked) => {
    const entry = find(asked)
    if (entry !== null) replyWhenOver(asked, entry)
  }),
  stream: question((asked) => {
    const job = find(asked)?.job
    if (job === undefined) return
    const isReady = () => job.hasUnread() || isTerminal(job.status())
    hold(asked, job, streamHoldMs, isReady, () => {
      const answer: JobStreamReply = { status: job.status(), stream: job.drain() }
      asked.reply(200, answer)
    })
  }),
  cancel: command((asked) => {
    const entry = find(asked)
    if (entry === null) return
    if (entry.job.cancel()) {
      entry.leave()
      asked.endpoint.counters.aborted += 1
    }
    asked.reply(200, { id: asked.jobId, status: entry.job.status() })
  }),
  retry: work((asked) => {
    const entry = find(asked)
    if (entry === null) return
    const status = entry.job.status()
    if (status !== 'FAILED' && status !== 'TIMED_OUT') {
      return asked.reply(400, { error: `job is ${status}: only a failed job can be retried` })
    }
    if (!entry.retry()) return tooMany(asked)
    asked.reply(200, { id: asked.jobId, status: 'IN_QUEUE' })
  }),
  'purge-queue': command(({ endpoint, reply }) => {
    const queued = endpoint.jobs.all().filter(({ job }) => job.status() === 'IN_QUEUE')
    for (const { job, leave } of queued) {
      job.cancel()
      leave()
    }
    // Calls of the OpenAI route are jobs too, and so are the requests of a batch.
    const others = endpoint.failQueued('job was purged from the queue')
    reply(200, { removed: queued.length + others, status: 'completed' })
  }),
  requests: question(({ endpoint, reply }) => {
    const open = endpoint.jobs.all().filter(({ job }) => !isTerminal(job.status()))
    reply(200, { requests: open.slice(0, listedMax).map(({ job }) => job.envelope()) })
  }),
  batch: question(serveBatch),
  health: question(({ endpoint, faults, reply }) => {
    reply(200, healthOf(endpoint, faults.healthDiffers))
  }),
  metrics: question(({ endpoint, reply }) => reply(200, metricsOf(endpoint))),
}

function submit(asked: JobCall, kind: 'run' | 'runsync'): JobEntry | null {
  const { call, endpoint, account, faults } = asked
  const submission = readSubmission(call.body, account.options.ttlMs)
  if (typeof submission === 'string') {
    asked.reply(400, { error: submission })
    return null
  }
  const entry = startJob(endpoint, account, { kind, submission, faults })
  if (entry === null) tooMany(asked)
  return entry
}

function find(asked: JobCall): JobEntry | null {
  const entry = asked.endpoint.jobs.find(asked.jobId)
  if (entry === null) asked.reply(404, { error: 'job not found' })
  return entry
}

function replyWhenOver(asked: JobCall, { job }: JobEntry): void {
  const isOver = () => isTerminal(job.status())
  hold(asked, job, syncHoldMs, isOver, () => asked.reply(200, job.envelope()))
}
