// The worker protocol over HTTP: recordings of real workers are replayed against a running
// simulator, and single requests are made by hand.
import { once } from 'node:events'
import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { until } from '../../support/until.ts'
import { runSimulator } from '../support/running.ts'
import { recordedWorkers, replay } from './recorded-worker.ts'

const recordings = recordedWorkers()
const external = { model: 'smollm2-135m', workers: 'external' }
const names = [...recordings.map(({ name }) => name), 'mine', 'left', 'plain', 'two']
const simulator = runSimulator({
  endpoints: Object.fromEntries(names.map((name) => [name, external])),
  workerPollMs: 60_000,
})

const headers = { authorization: 'sim-key' }

async function submit(endpoint: string, operation = 'run'): Promise<string> {
  const answer = await simulator.call(`/v2/${endpoint}/${operation}`, { input: { prompt: 'hi' } })
  return ((await answer.json()) as { id: string }).id
}

async function status(endpoint: string, id: string): Promise<Record<string, unknown>> {
  return (await (await simulator.call(`/v2/${endpoint}/status/${id}`)).json()) as object as Record<
    string,
    unknown
  >
}

function ask(path: string): Promise<Response> {
  return fetch(simulator.url() + path, { headers })
}

function post(path: string, value: unknown): Promise<Response> {
  const type = { 'content-type': 'application/x-www-form-urlencoded' }
  const init = { method: 'POST', headers: { ...headers, ...type }, body: JSON.stringify(value) }
  return fetch(simulator.url() + path, init)
}

describe('a recorded worker is understood', () => {
  test.each(recordings.map((recording) => [recording.name, recording]))(
    '%s',
    async (_, recording) => {
      const { given, stopped, statuses, jobs } = await replay(recording, simulator)
      const told = recording.worker
      expect(given).toEqual(told.flatMap(([, what, ids]) => (what === 'given' ? [ids] : [])))
      expect(stopped).toEqual(told.flatMap(([, what, ids]) => (what === 'stop-signal' ? ids : [])))
      expect(statuses.filter((code) => code !== 200)).toEqual([])
      const isCancelled = stopped.length > 0
      for (const { status: job, streamed, posted, result } of jobs) {
        expect(streamed).toEqual(posted)
        expect([job.output, job.error]).toEqual([result?.output, result?.error])
        const ended = result?.error === undefined ? 'COMPLETED' : 'FAILED'
        const open = isCancelled ? 'CANCELLED' : 'IN_PROGRESS'
        expect([job.status, job.workerId]).toEqual([result === null ? open : ended, 'pod1'])
      }
    },
  )

  test('and there are recordings', () => expect(recordings.length).toBeGreaterThan(20))
})

test('one job is given as itself, several as a list', async () => {
  const taken = ask('/v2/mine/job-take/w1?gpu=x&job_in_progress=0')
  await simulator.call('/v2/mine/health')
  const id = await submit('mine')
  expect(await (await taken).json()).toEqual({ id, input: { prompt: 'hi' } })
  const health = await (await simulator.call('/v2/mine/health')).json()
  expect(health).toMatchObject({ jobs: { inProgress: 1 }, workers: { idle: 0, running: 1 } })
})

test('a worker needs the key', async () => {
  const wrong = { headers: { authorization: 'nope' } }
  const answer = await fetch(`${simulator.url()}/v2/mine/job-take/w1?gpu=x`, wrong)
  expect(answer.status).toBe(401)
})

test('an endpoint with simulated workers has no such paths', async () => {
  expect((await simulator.call('/v2/mine/job-nope/w1')).status).toBe(404)
})

test('what is posted about a job that is not in the worker’s hands is refused', async () => {
  const answers = [
    await post('/v2/mine/job-stream/w1/nope?isStream=false', { output: 'x' }),
    await post('/v2/mine/job-done/w1/nope?isStream=true', { output: ['x'] }),
  ]
  expect(answers.map(({ status: code }) => code)).toEqual([400, 400])
})

test('a worker that left while it asked is given nothing', async () => {
  const url = `${simulator.url()}/v2/left/job-take-batch/gone?gpu=x&batch_size=5`
  const asking = request(url, { headers })
    .on('error', () => {})
    .end()
  const [socket] = await once(asking, 'socket')
  await once(socket, 'connect')
  await until('the worker is idle again', async () => (await workers('left')).idle === 1)
  asking.destroy()
  const before = (await simulator.state()).sockets
  expect(before).toBeGreaterThan(0)
  const id = await submit('left')
  const taken = await ask('/v2/left/job-take-batch/here?gpu=x&batch_size=5')
  expect(await taken.json()).toMatchObject([{ id }])
})

test('a plain handler’s result is the output, and until then its word of progress', async () => {
  const id = await submit('plain')
  await ask('/v2/plain/job-take/w1?gpu=x')
  const path = `/v2/plain/job-done/w1/${id}?gpu=x`
  await post(`${path}&isStream=false`, { status: 'IN_PROGRESS', output: '50 %' })
  expect(await status('plain', id)).toMatchObject({ status: 'IN_PROGRESS', output: '50 %' })
  await post(`${path}&isStream=false`, { output: { answer: 42 } })
  expect(await status('plain', id)).toMatchObject({ status: 'COMPLETED', output: { answer: 42 } })
})

test('the OpenAI route relays what a real worker yields, and what a plain one returns', async () => {
  for (const answer of ['yields', 'returns']) {
    const asked = simulator.call('/v2/two/openai/v1/chat/completions', { messages: [] })
    const taken = await ask('/v2/two/job-take/w1?gpu=x')
    const { id, input } = (await taken.json()) as { id: string; input: unknown }
    expect(input).toEqual({ openai_route: '/v1/chat/completions', openai_input: { messages: [] } })
    const made = { object: 'chat.completion', choices: [] }
    if (answer === 'yields')
      await post(`/v2/two/job-stream/w1/${id}?isStream=false`, { output: made })
    await post(`/v2/two/job-done/w1/${id}?isStream=true`, { output: [made] })
    expect(await (await asked).json()).toEqual(made)
  }
})

async function workers(endpoint: string): Promise<{ idle: number }> {
  const health = await (await simulator.call(`/v2/${endpoint}/health`)).json()
  return (health as { workers: { idle: number } }).workers
}
