// The log lines of workers, as the platform keeps them: what it did with the container, and what
// the container printed. Written from what happens to workers; nothing else knows of the lines.
import type { WorkerEvent, WorkerEventKind } from '../worker/worker-events.ts'

export interface LogLine {
  /** When, to the nanosecond, so that no two lines of a worker have the same. */
  ts: string
  source: 'container' | 'system'
  line: string
}

export interface LogBook {
  note(event: LoggedEvent, container: { image: string; model: string }): void
  /** Null: no such worker was ever here, or it was forgotten. */
  linesOf(endpointId: string, workerId: string): readonly LogLine[] | null
  /** Tells every further line of a worker, until the function given back is called. */
  follow(workerId: string, listener: (line: LogLine) => void): () => void
}

type LoggedEvent = Pick<WorkerEvent, 'endpointId' | 'workerId' | 'atMs' | 'what' | 'jobId'>

interface Page {
  endpointId: string
  lines: LogLine[]
  written: number
  jobs: number
  listeners: Set<(line: LogLine) => void>
}

type Said = readonly [source: LogLine['source'], line: string]

const workersMax = 1000
const linesMax = 5000

export function openLogBook(): LogBook {
  const pages = new Map<string, Page>()

  function newPage({ endpointId, workerId }: LoggedEvent): Page {
    const page = { endpointId, lines: [], written: 0, jobs: 0, listeners: new Set<never>() }
    const [oldest] = pages.keys()
    if (pages.size >= workersMax && oldest !== undefined) pages.delete(oldest)
    pages.set(workerId, page)
    return page
  }

  function write(page: Page, atMs: number, [source, line]: Said): void {
    page.written += 1
    const fraction = String(page.written % 1_000_000).padStart(6, '0')
    const ts = new Date(atMs).toISOString().replace('Z', `${fraction}Z`)
    const written = { ts, source, line }
    page.lines.push(written)
    if (page.lines.length > linesMax) page.lines.shift()
    for (const listener of [...page.listeners]) listener(written)
  }

  return {
    note(event, container) {
      const page = pages.get(event.workerId) ?? newPage(event)
      if (event.what === 'job-start') page.jobs += 1
      if (event.what === 'job-end') page.jobs -= 1
      const said = saidBy[event.what]({ ...event, ...container, jobs: page.jobs })
      for (const line of said) write(page, event.atMs, line)
    },
    linesOf(endpointId, workerId) {
      const page = pages.get(workerId)
      return page?.endpointId === endpointId ? page.lines : null
    },
    follow(workerId, listener) {
      const page = pages.get(workerId)
      page?.listeners.add(listener)
      return () => void page?.listeners.delete(listener)
    },
  }
}

interface Happening extends LoggedEvent {
  image: string
  model: string
  /** In progress at the worker, this one counted. */
  jobs: number
}

const saidBy: { readonly [what in WorkerEventKind]: (event: Happening) => readonly Said[] } = {
  create: ({ image }) => [['system', `create container ${image}`]],
  pull: ({ image }) => [['system', `pulling image ${image}`]],
  start: ({ image }) => [['system', `start container for ${image}: begin`]],
  load: ({ model }) => [
    ['container', `Starting vLLM: vllm serve ${model} --host 127.0.0.1 --port 8000`],
  ],
  ready: () => [
    ['container', 'vLLM is healthy'],
    ['container', '--- Starting Serverless Worker |  Version 1.12.0 ---'],
    ['container', 'All fitness checks passed.'],
  ],
  'job-start': ({ jobId, jobs }) => [
    ['container', `${jobId} | Started.`],
    ['container', `Jobs in progress: ${jobs}`],
  ],
  'job-end': ({ jobId }) => [['container', `${jobId} | Finished.`]],
  crash: () => [['container', 'vLLM exited with code 1']],
  park: () => [['system', 'stop container']],
  stop: () => [['system', 'stop container']],
  remove: () => [['system', 'remove container']],
}
