// The npm package `runpod-sdk`, unmodified, straight at the simulator.
import runpodSdk from 'runpod-sdk'
import { describe, expect, test } from 'vitest'
import { readAnswer } from '../support/events.ts'
import { chat, runSimulator } from '../support/running.ts'

const input = (content: string, more: object = {}) => ({
  input: { openai_route: '/v1/chat/completions', openai_input: chat(content, more) },
})
const stalled = input('[[sim:stall-after=1]]', { stream: true })

function endpointOf(simulator: ReturnType<typeof runSimulator>, key = 'sim-key') {
  const sdk = runpodSdk(key, { baseUrl: `${simulator.url()}/v2` })
  const endpoint = sdk.endpoint('sim-phi')
  if (endpoint === null) throw new Error('there is no endpoint')
  return endpoint
}

/** The job's stream to its end, as the SDK reads it. */
async function readStream(endpoint: ReturnType<typeof endpointOf>, id: string): Promise<string[]> {
  const slices: string[] = []
  for await (const item of endpoint.stream(id)) slices.push((item as { output: string }).output)
  return slices
}

describe('runpod-sdk', () => {
  const simulator = runSimulator()

  test('runSync gives the whole answer', async () => {
    const answer = await endpointOf(simulator).runSync(input('hi', { max_tokens: 4 }))
    expect(answer).toMatchObject({
      status: 'COMPLETED',
      started: true,
      completed: true,
      succeeded: true,
      delayTime: expect.any(Number),
      executionTime: expect.any(Number),
      output: [{ object: 'chat.completion', usage: { completion_tokens: 4 } }],
    })
  })

  test('run gives an id at once, and status the answer later', async () => {
    const endpoint = endpointOf(simulator)
    const { id, status } = await endpoint.run(input('hi', { max_tokens: 4 }))
    expect(status).toBe('IN_QUEUE')
    await endpoint.statusSync(id)
    const ended = await endpoint.status(id)
    expect(ended).toMatchObject({ id, status: 'COMPLETED', completed: true, succeeded: true })
  })

  test('stream gives every slice and then ends', async () => {
    const endpoint = endpointOf(simulator)
    const { id } = await endpoint.run(input('hi', { max_tokens: 6, stream: true }))
    const answer = readAnswer((await readStream(endpoint, id)).join(''))
    expect([answer.contents, answer.finish, answer.isDone]).toEqual([6, 'length', true])
  })

  test('what the model refuses is a failed job with its reason', async () => {
    const answer = await endpointOf(simulator).runSync(input('hi', { temperature: -1 }))
    expect(answer).toMatchObject({
      status: 'FAILED',
      completed: true,
      succeeded: false,
      error: expect.stringContaining('temperature must be non-negative'),
    })
  })

  test('the stream of a failed job ends without a slice', async () => {
    const endpoint = endpointOf(simulator)
    const { id } = await endpoint.run(input('hi', { model: 'nope', stream: true }))
    expect(await readStream(endpoint, id)).toEqual([])
    expect(await endpoint.status(id)).toMatchObject({ status: 'FAILED', succeeded: false })
  })

  test('cancel ends a running job and its stream', async () => {
    const endpoint = endpointOf(simulator)
    const { id } = await endpoint.run(stalled)
    const slices = readStream(endpoint, id)
    expect(await endpoint.cancel(id)).toEqual({ id, status: 'CANCELLED' })
    await slices
    expect(await endpoint.status(id)).toMatchObject({ status: 'CANCELLED', succeeded: false })
  })

  test('a wait that is over before the job is gives the job back unfinished', async () => {
    const endpoint = endpointOf(simulator)
    const answer = await endpoint.runSync(stalled, 1000)
    expect(answer).toMatchObject({ status: 'IN_PROGRESS', completed: false })
    await endpoint.cancel(answer.id)
  })

  test('health has all the counts that it knows', async () => {
    const { jobs, workers } = await endpointOf(simulator).health()
    expect(Object.keys(jobs)).toEqual(['completed', 'failed', 'inProgress', 'inQueue', 'retried'])
    expect(Object.keys(workers)).toEqual([
      'idle',
      'initializing',
      'ready',
      'running',
      'throttled',
      'unhealthy',
    ])
  })

  test('a wrong key and an unknown job are errors with their status', async () => {
    const refused = endpointOf(simulator, 'nope').health()
    await expect(refused).rejects.toMatchObject({ response: { status: 401 } })
    const unknown = endpointOf(simulator).status('nope')
    await expect(unknown).rejects.toMatchObject({ response: { status: 404 } })
  })
})

describe('runpod-sdk, while no worker comes', () => {
  const simulator = runSimulator({ coldMs: 3_600_000 })

  test('purgeQueue removes what waits', async () => {
    const endpoint = endpointOf(simulator)
    const { id } = await endpoint.run(input('hi'))
    await endpoint.run(input('hi'))
    expect(await endpoint.purgeQueue()).toEqual({ removed: 2, status: 'completed' })
    expect(await endpoint.status(id)).toMatchObject({ status: 'CANCELLED', completed: true })
  })
})

describe('runpod-sdk, with jobs that take too long', () => {
  const simulator = runSimulator({ executionTimeoutMs: 50 })

  test('a job that timed out has failed, and a retry of it waits again', async () => {
    const endpoint = endpointOf(simulator)
    const ended = await endpoint.runSync(stalled)
    expect(ended).toMatchObject({ status: 'FAILED', error: 'executionTimeout exceeded' })
    const retried = await simulator.call(`/v2/sim-phi/retry/${ended.id}`, {})
    expect(await retried.json()).toEqual({ id: ended.id, status: 'IN_QUEUE' })
    expect(await endpoint.statusSync(ended.id)).toMatchObject({ id: ended.id, status: 'FAILED' })
  })

  test('its stream gives what there was, and ends', async () => {
    const endpoint = endpointOf(simulator)
    const { id } = await endpoint.run(stalled)
    expect(readAnswer((await readStream(endpoint, id)).join('')).contents).toBe(1)
  })
})

describe('runpod-sdk, where such jobs are told apart', () => {
  const simulator = runSimulator({ executionTimeoutMs: 50, executionTimeoutStatus: 'TIMED_OUT' })

  test('a job that timed out says so', async () => {
    const ended = await endpointOf(simulator).runSync(stalled)
    expect(ended).toMatchObject({ status: 'TIMED_OUT', completed: true, succeeded: false })
  })
})
