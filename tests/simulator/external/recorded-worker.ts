// Plays a real worker from its recording: the same questions and posts in the same order, about
// jobs that the simulator was given a moment ago.
import { readdirSync, readFileSync } from 'node:fs'
import { root } from '../../house/source-files.ts'
import type { Running } from '../support/running.ts'

interface Recording {
  name: string
  job?: { id: string; input: unknown }
  worker: [number, string, unknown][]
}

interface Post {
  job: string
  query?: Record<string, string>
  contentType?: string
  headers?: Record<string, string>
  body?: string
}

/** What came of a replayed recording. */
export interface Replayed {
  /** Job ids as recorded: the jobs given, and those that were to be stopped. */
  given: string[][]
  stopped: string[]
  /** What the platform answered to the worker's posts and pings. */
  statuses: number[]
  jobs: { status: JobState; streamed: unknown[]; posted: unknown[]; result: Result | null }[]
}

interface JobState {
  status: string
  output?: unknown
  error?: string
  workerId?: string
}

type Result = { output?: unknown; error?: string }

const folder = `${root}tests/golden/recordings/worker/`

export function recordedWorkers(): Recording[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'))
  return files.map((file) => {
    const recording = JSON.parse(readFileSync(folder + file, 'utf8')) as Recording
    // Two of them have one name.
    return { ...recording, name: file.replace(/\.json$/, '') }
  })
}

export async function replay(recording: Recording, simulator: Running): Promise<Replayed> {
  const base = `/v2/${recording.name}`
  const wanted = recording.worker.flatMap(([, what, ids]) => (what === 'given' ? [ids] : [])).flat()
  const recordedIds = wanted as string[]
  const ids = new Map<string, string>()
  const submit = async (recorded: string) => {
    const input = inputOf(recording)
    const { id } = (await (await simulator.call(`${base}/run`, { input })).json()) as { id: string }
    ids.set(recorded, id)
  }
  for (const recorded of recordedIds) await submit(recorded)
  const idOf = (recorded: string) => ids.get(recorded) ?? recorded
  const recordedOf = (id: string) => [...ids].find(([, real]) => real === id)?.[0] ?? id

  const leaving = new AbortController()
  const worker = (path: string, init: RequestInit = {}) => {
    const headers = { authorization: 'sim-key', ...init.headers }
    return fetch(simulator.url() + path, { signal: leaving.signal, ...init, headers })
  }
  const held: Promise<unknown>[] = []
  const hold = (path: string) => {
    const answer = worker(path)
    held.push(answer.catch(() => {}))
    return answer
  }
  const replayed: Replayed = { given: [], stopped: [], statuses: [], jobs: [] }
  const posted = new Map<string, unknown[]>(recordedIds.map((id) => [id, []]))
  const results = new Map<string, Result>()
  /** What is posted between the cancellation and the stop is accepted and dropped. */
  let isCancelled = false
  const stop = hold(`${base}/job-stop/pod1?gpu=NVIDIA%20H100`)

  const play: { [what: string]: (detail: unknown) => Promise<void> } = {
    async given() {
      const query = 'gpu=NVIDIA%20H100&batch_size=30&job_in_progress=0'
      const answer = await worker(`${base}/job-take-batch/pod1?${query}`)
      const jobs = (await answer.json()) as { id: string; input: unknown }[]
      replayed.given.push(jobs.map(({ id }) => recordedOf(id)))
    },
    async take(detail) {
      const { path, query } = detail as { path: string; query: Record<string, string> }
      hold(`${path.replace('/v2/EP', base)}?${new URLSearchParams(query)}`)
    },
    async ping(detail) {
      const { query } = detail as { query: Record<string, string> }
      const named = query.job_id?.split(',').map(idOf).join(',')
      const asked = new URLSearchParams({ ...query, ...(named !== undefined && { job_id: named }) })
      replayed.statuses.push((await worker(`${base}/ping/pod1?${asked}`)).status)
    },
    async stream(detail) {
      const post = detail as Post
      if (!isCancelled) posted.get(post.job)?.push((JSON.parse(post.body ?? '{}') as Result).output)
      replayed.statuses.push(await send('job-stream', post, post.body ?? '{}'))
    },
    async done(detail) {
      const post = detail as Post
      const body = post.body ?? JSON.stringify({ output: posted.get(post.job) })
      results.set(post.job, JSON.parse(body))
      replayed.statuses.push(await send('job-done', post, body))
    },
    async 'cancel-sent'(recorded) {
      isCancelled = true
      await simulator.call(`${base}/cancel/${idOf(recorded as string)}`, {})
    },
    async 'stop-signal'() {
      const { jobsToStop } = (await (await stop).json()) as { jobsToStop: string[] }
      replayed.stopped.push(...jobsToStop.map(recordedOf))
    },
  }

  async function send(operation: string, post: Post, body: string): Promise<number> {
    const query = new URLSearchParams(post.query ?? { gpu: 'NVIDIA H100', isStream: 'true' })
    const id = idOf(post.job)
    const type = post.contentType ?? 'application/x-www-form-urlencoded'
    const headers = { 'content-type': type, charset: 'utf-8', 'x-request-id': id }
    const init = { method: 'POST', headers, body }
    return (await worker(`${base}/${operation}/pod1/${id}?${query}`, init)).status
  }

  for (const [, what, detail] of recording.worker) {
    const step = play[what]
    if (step === undefined) throw new Error(`${recording.name}: ${what} is new`)
    await step(detail)
  }
  for (const recorded of recordedIds) {
    const id = idOf(recorded)
    const read = async (operation: string) =>
      (await simulator.call(`${base}/${operation}/${id}`)).json()
    const { stream } = (await read('stream')) as { stream: { output: unknown }[] }
    replayed.jobs.push({
      status: (await read('status')) as JobState,
      streamed: stream.map(({ output }) => output),
      posted: posted.get(recorded) ?? [],
      result: results.get(recorded) ?? null,
    })
  }
  leaving.abort()
  await Promise.all(held)
  return replayed
}

/** Some recordings tell of their input in words, or not at all. */
function inputOf({ job }: Recording): unknown {
  return typeof job?.input === 'object' ? job.input : { prompt: 'not recorded' }
}
