// RunPod's job API over HTTP: what each operation answers for jobs that succeed, fail, break or
// are cancelled.
import { once } from 'node:events'
import { request } from 'node:http'
import { describe, expect, test } from 'vitest'
import { readAnswer } from '../support/events.ts'
import { chat, runSimulator } from '../support/running.ts'

interface Envelope {
  id: string
  status: string
  delayTime?: number
  executionTime?: number
  workerId?: string
  output?: unknown[]
  error?: string
}

const simulator = runSimulator()

async function post(operation: string, body: unknown = {}, endpoint = 'sim-phi') {
  const response = await simulator.call(`/v2/${endpoint}/${operation}`, body)
  return { status: response.status, body: (await response.json()) as Envelope }
}

async function get<T = Envelope>(operation: string, endpoint = 'sim-phi'): Promise<T> {
  return (await (await simulator.call(`/v2/${endpoint}/${operation}`)).json()) as T
}

function openai(body: object, route = '/v1/chat/completions') {
  return { input: { openai_route: route, openai_input: body } }
}

/** Reads a job's stream to its end, slice by slice. */
async function readStream(id: string): Promise<{ slices: string[]; status: string }> {
  const slices: string[] = []
  for (;;) {
    const reply = await get<{ status: string; stream: { output: string }[] }>(`stream/${id}`)
    slices.push(...reply.stream.map(({ output }) => output))
    const isOver = !['IN_QUEUE', 'IN_PROGRESS'].includes(reply.status)
    if (isOver && reply.stream.length === 0) return { slices, status: reply.status }
  }
}

test('run answers at once with an id; the result is in status', async () => {
  const { body } = await post('run', openai(chat('hi', { max_tokens: 4 })))
  expect(body).toEqual({ id: expect.stringMatching(/^[0-9a-f-]{36}-u1$/), status: 'IN_QUEUE' })
  const ended = await get(`status-sync/${body.id}`)
  expect(Object.keys(ended)).toEqual([
    'delayTime',
    'executionTime',
    'id',
    'output',
    'status',
    'workerId',
  ])
  expect(await get(`status/${body.id}`)).toEqual(ended)
  expect(ended).toMatchObject({
    status: 'COMPLETED',
    output: [{ object: 'chat.completion', usage: { completion_tokens: 4 } }],
  })
})

test('runsync waits for the result', async () => {
  const { body } = await post('runsync', openai(chat('hi', { max_tokens: 4 })))
  expect(body.id).toMatch(/^sync-/)
  expect(body).toMatchObject({ status: 'COMPLETED', output: [{ object: 'chat.completion' }] })
})

test('stream gives every slice once, and status has them all', async () => {
  const { body } = await post('run', openai(chat('hi', { max_tokens: 6, stream: true })))
  const { slices, status } = await readStream(body.id)
  expect(status).toBe('COMPLETED')
  const answer = readAnswer(slices.join(''))
  expect([answer.contents, answer.finish, answer.isDone]).toEqual([6, 'length', true])
  expect(slices[0]?.match(/data: /g)).toHaveLength(2)
  const again = await get<{ stream: unknown[] }>(`stream/${body.id}`)
  expect(again).toEqual({ status: 'COMPLETED', stream: [] })
  expect((await get(`status/${body.id}`)).output).toEqual(slices)
})

test.each([
  ['messages', { messages: [{ role: 'user', content: 'hi' }] }, 'chat.completion'],
  ['a prompt', { prompt: 'hi' }, 'text_completion'],
  ['a route with a body', { route: '/v1/completions', body: { prompt: 'hi' } }, 'text_completion'],
  ['a route without', { route: '/v1/models', method: 'GET' }, 'list'],
  ['an OpenAI route without input', { openai_route: '/v1/models' }, 'list'],
])('the worker understands %s', async (_, input, object) => {
  const { body } = await post('runsync', { input })
  expect(body).toMatchObject({ status: 'COMPLETED', output: [{ object }] })
})

test('the shorthand passes sampling parameters on', async () => {
  const sampling = { max_tokens: 3, temperature: 0 }
  const { body } = await post('runsync', { input: { prompt: 'hi', sampling_params: sampling } })
  expect(body.output).toMatchObject([{ usage: { completion_tokens: 3 } }])
})

test('an empty answer of vLLM is a null', async () => {
  const { body } = await post('runsync', { input: { route: '/health', method: 'GET' } })
  expect(body).toMatchObject({ status: 'COMPLETED', output: [null] })
})

test('what vLLM refuses is a failed job with a Python repr', async () => {
  const { body } = await post('runsync', openai(chat('hi', { temperature: -1 })))
  expect(body.status).toBe('FAILED')
  expect(body.output).toBeUndefined()
  expect(body.error).toBe(
    `{'message': 'vLLM returned HTTP 400: {"error":{"message":"temperature must be non-negative, ` +
      'got -1.0. (parameter=temperature, value=-1.0)","type":"BadRequestError",' +
      `"param":"temperature","code":400}}', 'type': 'worker_error', 'code': None}`,
  )
})

test('an input of no known form fails the job', async () => {
  const { body } = await post('runsync', { input: { text: 'hi' } })
  expect([body.status, body.error]).toEqual([
    'FAILED',
    expect.stringMatching('must contain one of'),
  ])
})

test.each([
  ['nothing', ''],
  ['no input', {}],
  ['no object', []],
])('a submission with %s is refused', async (_, body) => {
  expect((await post('run', body)).status).toBe(400)
})

test('a torn answer is a lost worker', async () => {
  const { body } = await post('runsync', openai(chat('[[sim:cut-after=2]]', { stream: true })))
  expect([body.status, body.error]).toEqual(['FAILED', 'job timed out after 1 retries'])
})

test('an engine that dies in a stream leaves a job that looks complete', async () => {
  const { body } = await post('run', openai(chat('[[sim:engine-dies-after=2]]', { stream: true })))
  const { slices, status } = await readStream(body.id)
  expect([status, readAnswer(slices.join('')).error]).toEqual([
    'COMPLETED',
    expect.stringMatching(/^EngineCore/),
  ])
})

test('a reader that left a held poll has taken nothing with it', async () => {
  const faults = '[[sim:slow-first=300]]'
  const { body } = await post('run', openai(chat(faults, { max_tokens: 3, stream: true })))
  const headers = { authorization: 'Bearer sim-key' }
  const held = request(`${simulator.url()}/v2/sim-phi/stream/${body.id}`, { headers })
  held.on('error', () => {}).end()
  const [socket] = await once(held, 'socket')
  await once(socket, 'connect')
  await simulator.state()
  held.destroy()
  await simulator.state()
  const { slices } = await readStream(body.id)
  expect(readAnswer(slices.join('')).contents).toBe(3)
})

test('cancel stops a running job and says so once and again', async () => {
  const { body } = await post('run', openai(chat('[[sim:stall-after=1]]', { stream: true })))
  await get(`stream/${body.id}`)
  expect((await post(`cancel/${body.id}`)).body).toEqual({ id: body.id, status: 'CANCELLED' })
  expect(await get(`status/${body.id}`)).toMatchObject({ status: 'CANCELLED' })
  expect((await simulator.state()).endpoints['sim-phi']?.running).toBe(0)
  expect((await post(`cancel/${body.id}`)).body.status).toBe('CANCELLED')
})

test('an unknown job is not found', async () => {
  expect((await simulator.call('/v2/sim-phi/status/nope')).status).toBe(404)
  expect((await post('cancel/nope')).status).toBe(404)
})

describe('with one slow worker', () => {
  const slow = runSimulator({ coldMs: 3_600_000 })

  test('health counts workers and jobs, and purge-queue empties the queue', async () => {
    const answer = async (path: string, body?: unknown) => {
      return (await (await slow.call(`/v2/sim-phi/${path}`, body)).json()) as Envelope
    }
    const first = await answer('run', openai(chat('hi')))
    await answer('run', openai(chat('hi')))
    expect(await answer('health')).toEqual({
      jobs: { completed: 0, failed: 0, inProgress: 0, inQueue: 2, retried: 0 },
      workers: { idle: 0, initializing: 1, ready: 0, running: 0, throttled: 0, unhealthy: 0 },
    })
    expect(await answer(`stream/${first.id}?wait=1000`)).toEqual({ status: 'IN_QUEUE', stream: [] })
    expect(await answer('purge-queue', {})).toEqual({ removed: 2, status: 'completed' })
    expect((await answer(`status/${first.id}`)).status).toBe('CANCELLED')
    expect(await answer('health')).toMatchObject({ jobs: { inQueue: 0 } })
  })
})
