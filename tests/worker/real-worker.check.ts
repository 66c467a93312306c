// `npm run test:worker`: a real worker of RunPod's Python SDK is attached to the simulator. It
// must ask and post as the recordings say, and RunPod's Python client must get its answers.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '#src/domain/index.ts'
import { type Simulator, simulatorOptions, startSimulator } from '#src/simulator/index.ts'
import { recordedWorkers } from '../simulator/external/recorded-worker.ts'
import { type AttachedWorker, attachWorker, type Noted } from './attached-worker.ts'

const python = process.env.WORKER_PYTHON ?? ''
const external = { model: 'microsoft/phi-2', contextTokens: 2048, workers: 'external' }
const options = simulatorOptions.parse({
  port: 0,
  workerPingMs: 1000,
  workerSilentMs: 5000,
  endpoints: { mine: external, lost: external, 'sim-phi': { model: 'microsoft/phi-2' } },
})
const recordings = recordedWorkers()

let simulator: Simulator
let worker: AttachedWorker
beforeAll(async () => {
  simulator = await startSimulator(options, systemClock)
  worker = await attachWorker(python, simulator.url, 'mine', options, 'pod1')
})
afterAll(async () => {
  await worker.kill()
  await simulator.close()
})

interface Job {
  id: string
  status: string
  output?: unknown[]
  error?: string
  retries?: number
  workerId?: string
}

async function call<T = Job>(path: string, body?: unknown): Promise<T> {
  const given = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
  const headers = { authorization: 'Bearer sim-key', 'content-type': 'application/json' }
  return (await fetch(`${simulator.url}/v2/${path}`, { ...given, headers })).json() as Promise<T>
}

function chat(content: string, more: object = {}) {
  const asked = { messages: [{ role: 'user', content }], max_tokens: 6, ...more }
  return { openai_route: '/v1/chat/completions', openai_input: asked }
}

async function runToEnd(input: unknown): Promise<{ job: Job; posts: Noted[] }> {
  const { id } = await call('mine/run', { input })
  const job = await call(`mine/status-sync/${id}`)
  return { job, posts: postsOf(id) }
}

function postsOf(id: string): Noted[] {
  return worker.noted.filter(({ kind, jobId }) => /stream|done/.test(kind) && jobId === id)
}

/** The posts as a recording tells them, less what differs from run to run. */
function recordedPosts(name: string): Partial<Noted>[] {
  const told = recordings.find((recording) => recording.name === name)?.worker ?? []
  return told.flatMap(([, kind, detail]) => {
    if (kind !== 'stream' && kind !== 'done') return []
    const { query, contentType, body } = detail as Noted
    return [{ kind, query, contentType, body }]
  })
}

/** Runs of slices are as long as time would have it; keys and types of bodies stay. */
function shapesOf(posts: readonly Partial<Noted>[]): unknown[] {
  const shapes = posts.map(({ kind, query, contentType, body }) => {
    return { kind, query, contentType, body: shapeOf(JSON.parse(body ?? 'null')) }
  })
  return shapes.filter((shape, at) => {
    return JSON.stringify(shape) !== JSON.stringify(shapes[at - 1])
  })
}

function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) {
    const shapes = [...new Set(value.map((item) => JSON.stringify(shapeOf(item))))]
    return shapes.map((shape) => JSON.parse(shape))
  }
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  return Object.entries(value).map(([name, item]) => [name, shapeOf(item)])
}

describe('a real worker posts what was recorded of one', () => {
  const stream = { stream: true }
  test.each([
    ['openai-chat', chat('Hello'), 'COMPLETED'],
    ['openai-chat-stream', chat('Hello', stream), 'COMPLETED'],
    [
      'openai-completions',
      {
        openai_route: '/v1/completions',
        openai_input: { prompt: 'Once', max_tokens: 4 },
      },
      'COMPLETED',
    ],
    ['openai-models', { openai_route: '/v1/models', openai_input: {} }, 'COMPLETED'],
    ['openai-models-no-input', { openai_route: '/v1/models' }, 'COMPLETED'],
    ['route-get-health', { route: '/health', method: 'GET' }, 'COMPLETED'],
    ['short-prompt', { prompt: 'Hi', sampling_params: { max_tokens: 4 } }, 'COMPLETED'],
    ['openai-err-temperature', chat('Hello', { temperature: -1 }), 'FAILED'],
    ['openai-err-model-stream', chat('Hello', { model: 'nope', ...stream }), 'FAILED'],
    ['openai-unknown-route', { openai_route: '/v1/nope', openai_input: { a: 1 } }, 'FAILED'],
    ['bad-unknown-input', { text: 'hi' }, 'FAILED'],
  ])('%s', async (name, input, ending) => {
    const { job, posts } = await runToEnd(input)
    expect([job.status, job.workerId]).toEqual([ending, 'pod1'])
    expect(shapesOf(posts)).toEqual(shapesOf(recordedPosts(name)))
    expect(posts.every(({ requestId, jobId }) => requestId === jobId)).toBe(true)
    const last = JSON.parse(posts.at(-1)?.body ?? '{}')
    expect([job.output, job.error]).toEqual([last.output, last.error])
  })

  test('the texts of errors are those of the recordings', async () => {
    const { job } = await runToEnd(chat('Hello', { temperature: -1 }))
    const [recorded] = recordedPosts('openai-err-temperature')
    expect({ error: job.error }).toEqual(JSON.parse(recorded?.body ?? ''))
  })
})

test('it asks for work as the recordings say', () => {
  const takes = worker.noted.filter(({ kind }) => kind === 'take').map(({ query }) => query)
  expect(takes).toContainEqual({ gpu: 'NVIDIA H100', batch_size: '30', job_in_progress: '0' })
  expect(takes).toContainEqual({ gpu: 'NVIDIA H100', batch_size: '28', job_in_progress: '1' })
})

test('it pings, and names the jobs in its hands', async () => {
  const { id } = await call('mine/run', { input: chat('[[sim:stall-after=1]]', { stream: true }) })
  const pings = () => worker.noted.filter(({ kind }) => kind === 'ping')
  await expect
    .poll(() => pings().map(({ query }) => query), { timeout: 10_000 })
    .toContainEqual({
      job_id: id,
      runpod_version: '1.12.0',
    })
  await call(`mine/cancel/${id}`, {})
})

test('stream gives what it yields, slice by slice', async () => {
  const { id } = await call('mine/run', { input: chat('Hello', { stream: true, max_tokens: 40 }) })
  const slices: unknown[] = []
  for (;;) {
    const reply = await call<{ status: string; stream: { output: unknown }[] }>(`mine/stream/${id}`)
    slices.push(...reply.stream.map(({ output }) => output))
    if (reply.status === 'COMPLETED' && reply.stream.length === 0) break
  }
  expect(slices.join('')).toMatch(/data: \[DONE\]\n\n$/)
  expect((await call(`mine/status/${id}`)).output).toEqual(slices)
})

test('the OpenAI route is served, whole and streamed', async () => {
  const whole = await call<{ object: string }>('mine/openai/v1/chat/completions', {
    messages: [{ role: 'user', content: 'Hello' }],
    max_tokens: 4,
  })
  expect(whole.object).toBe('chat.completion')
  const streamed = await fetch(`${simulator.url}/v2/mine/openai/v1/completions`, {
    method: 'POST',
    headers: { authorization: 'sim-key' },
    body: JSON.stringify({ prompt: 'Once', max_tokens: 4, stream: true }),
  })
  expect(await streamed.text()).toMatch(/data: \[DONE\]\n\n$/)
})

test('a cancelled job is stopped in the worker, which posts nothing more', async () => {
  const { id } = await call('mine/run', { input: chat('[[sim:stall-after=2]]', { stream: true }) })
  await expect.poll(() => postsOf(id).length).toBeGreaterThan(0)
  const before = (await engine()).clientsLeft
  expect((await call(`mine/cancel/${id}`, {})).status).toBe('CANCELLED')
  await expect.poll(async () => (await engine()).clientsLeft).toBe(before + 1)
  await runToEnd(chat('Hello'))
  expect(postsOf(id).filter(({ kind }) => kind === 'done')).toEqual([])
  expect((await call(`mine/status/${id}`)).status).toBe('CANCELLED')
})

test.concurrent('a job of a worker that was killed is replayed once', async ({ expect }) => {
  const first = await attachWorker(python, simulator.url, 'lost', options, 'first')
  const long = { stream: true, max_tokens: 500, ignore_eos: true }
  const input = chat('[[sim:tokens=500]] Tell me everything', long)
  const replayed = (await call('lost/run', { input })).id
  await isStreaming(replayed)
  await first.kill()
  const second = await attachWorker(python, simulator.url, 'lost', options, 'second')
  const job = await ended(replayed)
  expect(job).toMatchObject({ status: 'COMPLETED', retries: 1, workerId: 'second' })

  const stalled = chat('[[sim:stall-after=2]]', long)
  const hopeless = (await call('lost/run', { input: stalled })).id
  await isStreaming(hopeless)
  await second.kill()
  const third = await attachWorker(python, simulator.url, 'lost', options, 'third')
  await expect
    .poll(() => status(hopeless), { timeout: 20_000 })
    .toMatchObject({ workerId: 'third' })
  await third.kill()
  expect(await ended(hopeless)).toMatchObject({
    status: 'FAILED',
    error: 'job timed out after 1 retries',
  })
})

describe.concurrent("RunPod's Python client", () => {
  test.each(['mine', 'sim-phi'])('with %s', async (endpoint) => {
    const args = ['-m', 'unittest', 'discover', '-s', 'tests/python/worker']
    const child = spawn(python, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        PATH: process.env.PATH,
        RUNPOD_ENDPOINT_BASE_URL: `${simulator.url}/v2`,
        PODGATE_KEY: 'sim-key',
        PODGATE_ENDPOINT: endpoint,
      },
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
    const [code] = await once(child, 'close')
    expect(code, said).toBe(0)
    expect(said).toMatch(/Ran \d\d tests/)
  })
})

function status(id: string): Promise<Job> {
  return call(`lost/status/${id}`)
}

/** The long polls of the job API wait for us. */
async function ended(id: string): Promise<Job> {
  for (;;) {
    const job = await call(`lost/status-sync/${id}`)
    if (job.status === 'COMPLETED' || job.status === 'FAILED') return job
  }
}

async function isStreaming(id: string): Promise<void> {
  for (;;) {
    const { stream } = await call<{ stream: unknown[] }>(`lost/stream/${id}`)
    if (stream.length > 0) return
  }
}

async function engine(): Promise<{ clientsLeft: number }> {
  const state = (await (await fetch(`${simulator.url}/__control/state`)).json()) as {
    endpoints: { mine: { clientsLeft: number } }
  }
  return state.endpoints.mine
}
