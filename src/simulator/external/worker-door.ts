// The platform's side of the worker protocol, at the paths that the SDK makes out of its
// environment variables. It gives the answers that the SDK (1.12) acts on: 204 says that there is
// nothing yet, 400 that the job is no longer the worker's, 429 that it should come back later.
import type { Clock, JsonObject } from '#domain'
import { parseObject } from '#wire'
import type { Work } from '../crew.ts'
import type { DoorCall } from '../edge/door.ts'
import { sendWhole } from '../http-sink.ts'
import type { ExternalCrew, GiveUp } from './external-crew.ts'

export interface WorkerDoor {
  crew: ExternalCrew
  clock: Clock
  /** What RunPod takes to accept a post. */
  postMs: number
}

/** What the SDK asks for at most is MAX_CONCURRENCY, which was 300 in old images. */
const batchMax = 300

/** Paths are `/<operation>/<worker>` and `/<operation>/<worker>/<job>`. False: it is neither. */
export function serveWorker(call: DoorCall, door: WorkerDoor): boolean {
  const [, operation = '', workerId = '', jobId = ''] =
    /^\/([^/]+)\/([^/]+)(?:\/([^/]+))?$/.exec(call.path) ?? []
  const what = `${call.method} ${operation}`
  if (what === 'GET job-take') take(call, door, workerId, 1)
  else if (what === 'GET job-take-batch') take(call, door, workerId, batchSize(call))
  else if (what === 'GET job-stop') stops(call, door, workerId)
  else if (what === 'GET ping') ping(call, door, workerId)
  else if (what === 'POST job-stream') stream(call, door, workerId, jobId)
  else if (what === 'POST job-done') done(call, door, workerId, jobId)
  else return false
  return true
}

/** `job-take` gives one job, `job-take-batch` a list. */
function take(call: DoorCall, { crew }: WorkerDoor, workerId: string, max: number): void {
  const isBatch = call.path.startsWith('/job-take-batch/')
  const giveUp = crew.take(workerId, max, (jobs) => {
    const given = jobs.map(({ jobId, input }) => ({ id: jobId, input }))
    const [first] = given
    if (first === undefined) return nothing(call)
    reply(call, 200, isBatch ? given : first)
  })
  holdFor(call, giveUp)
}

function stops(call: DoorCall, { crew }: WorkerDoor, workerId: string): void {
  const giveUp = crew.askStops(workerId, (jobIds) => {
    if (jobIds.length === 0) return nothing(call)
    reply(call, 200, { jobsToStop: jobIds })
  })
  holdFor(call, giveUp)
}

function holdFor(call: DoorCall, giveUp: GiveUp | null): void {
  if (giveUp === null) reply(call, 429, { error: 'too many workers' })
  else call.response.once('close', giveUp)
}

function ping(call: DoorCall, { crew }: WorkerDoor, workerId: string): void {
  const jobIds = (call.query.get('job_id') ?? '').split(',').filter(Boolean)
  crew.ping(workerId, jobIds, call.query.get('status') === 'unhealthy')
  reply(call, 200, {})
}

/** The worker yields its next value when this one was accepted: a slow reader holds it back. */
function stream(call: DoorCall, door: WorkerDoor, workerId: string, jobId: string): void {
  const posted = readPost(call, door, workerId, jobId)
  if (posted === null) return
  const { work, body } = posted
  if (work.sink.yielded(body.output ?? null)) accept(call, door)
  else work.sink.whenDrained(() => accept(call, door))
}

/** A result with a status of IN_PROGRESS is word of progress, and the job goes on. */
function done(call: DoorCall, door: WorkerDoor, workerId: string, jobId: string): void {
  const posted = readPost(call, door, workerId, jobId)
  if (posted === null) return
  const { work, body } = posted
  if (body.status === 'IN_PROGRESS') work.sink.progressed(body.output)
  else {
    door.crew.release(workerId, jobId)
    if (body.error) work.sink.failed(textOf(body.error))
    else work.sink.done({ output: body.output })
  }
  accept(call, door)
}

/** Null: answered here, as no job of this worker's (any more) or as no JSON object. */
function readPost(
  call: DoorCall,
  door: WorkerDoor,
  workerId: string,
  jobId: string,
): { work: Work; body: JsonObject } | null {
  const work = door.crew.held(workerId, jobId)
  const body = parseObject(call.body.toString('utf8'))
  if (work === 'stopped') {
    accept(call, door)
    return null
  }
  if (work !== null && body !== null) return { work, body }
  reply(call, 400, { error: work === null ? 'job not found' : 'the body must be a JSON object' })
  return null
}

function accept(call: DoorCall, { clock, postMs }: WorkerDoor): void {
  if (postMs === 0) reply(call, 200, {})
  else clock.after(postMs, () => reply(call, 200, {}))
}

function batchSize(call: DoorCall): number {
  const asked = Number(call.query.get('batch_size') ?? 1)
  return Number.isInteger(asked) ? Math.min(Math.max(asked, 1), batchMax) : 1
}

function textOf(error: unknown): string {
  return typeof error === 'string' ? error : JSON.stringify(error)
}

function nothing({ response }: DoorCall): void {
  if (!response.headersSent && !response.destroyed) response.writeHead(204).end()
}

function reply({ response }: DoorCall, status: number, value: object): void {
  sendWhole(response, status, {}, JSON.stringify(value))
}
