// Workers of generation B (worker-vllm from 2.24 on): how they slice a stream, post an answer and
// write errors. Their errors are compared with recordings of real workers.
import { describe, expect, test } from 'vitest'
import { chanceFrom } from '#src/simulator/engine/random.ts'
import type { JobSink } from '#src/simulator/job-sink.ts'
import { generationB } from '#src/simulator/worker/generation-b.ts'
import { pythonRepr, readPythonDict } from '#src/wire/index.ts'
import { createFakeClock } from '../../support/fake-clock.ts'
import { until } from '../../support/until.ts'
import { recordedWorkers } from '../external/recorded-worker.ts'
import { chat, runSimulator } from '../support/running.ts'

interface Given {
  postMs?: number
  sliceCutShare?: number
  /** What the job's reader has no room for is taken when it says so. */
  isSlow?: boolean
  input?: { [name: string]: unknown }
}

/** A handler in the middle of a job, and what it told the platform. */
function work({ postMs = 0, sliceCutShare = 0, isSlow = false, input }: Given = {}) {
  const clock = createFakeClock()
  const told: unknown[] = []
  const readers: (() => void)[] = []
  const sink: JobSink = {
    started() {},
    yielded(output) {
      told.push(output)
      return !isSlow
    },
    whenDrained: (callback) => void readers.push(callback),
    progressed() {},
    done: () => void told.push('done'),
    failed: (error) => void told.push({ error }),
    requeued() {},
    torn: () => void told.push('torn'),
  }
  const handler = generationB(input ?? { prompt: 'hi', stream: true }, sink, {
    generation: 'b',
    rawOutput: true,
    sliceCutShare,
    servedModel: 'phi',
    clock,
    postMs,
    chance: chanceFrom(1),
  })
  return { ...handler, clock, told, read: () => readers.shift()?.() }
}

const event = (text: string) => `data: {"text":"${text}"}\n\n`

test('each piece is a slice, the one before the first token together with it', () => {
  const { answer, told } = work()
  answer.open()
  answer.event(event('role'), 'start')
  answer.event(event('a'), 'content')
  answer.event(event('b'), 'end')
  answer.end()
  expect(told).toEqual([event('role') + event('a'), event('b'), 'done'])
})

test('slices grow with the time that a post takes', async () => {
  const { answer, told, clock } = work({ postMs: 700 })
  const events = Array.from({ length: 60 }, (_, at) => event(String(at)))
  for (const text of events) {
    answer.event(text, 'content')
    await clock.advance(50)
  }
  answer.end()
  expect(told).not.toContain('done')
  await clock.advance(1400)
  const slices = told.slice(0, -1) as string[]
  expect(told.at(-1)).toBe('done')
  expect(slices.map((slice) => slice.split('data: ').length - 1)).toEqual([1, 13, 14, 14, 14, 4])
  expect(slices.join('')).toBe(events.join(''))
})

test('a slow reader holds the slices back, and then vLLM', () => {
  const { answer, told, read } = work({ isSlow: true })
  const long = event('x'.repeat(100_000))
  const room = [1, 2, 3, 4].map(() => answer.event(long, 'content'))
  expect([told.length, room]).toEqual([1, [true, true, true, false]])
  let drained = 0
  answer.whenDrained(() => {
    drained += 1
  })
  read()
  expect([told.slice(1), drained]).toEqual([[long.repeat(3)], 0])
  read()
  expect(drained).toBe(1)
})

test('a slice may end anywhere, and inside a character loses it', () => {
  const slicesOf = (text: string) => {
    const { answer, told } = work({ sliceCutShare: 1 })
    for (const letter of text) answer.event(event(letter), 'content')
    answer.end()
    return told.slice(0, -1) as string[]
  }
  const ascii = 'abcdefghij'
  expect(slicesOf(ascii).join('')).toBe([...ascii].map(event).join(''))
  expect(slicesOf(ascii).length).toBeGreaterThan(ascii.length)
  const unicode = '漢字😀é'.repeat(20)
  expect(slicesOf(unicode).join('')).toContain('\ufffd')
  expect(slicesOf(unicode)).toEqual(slicesOf(unicode))
})

test('after a stop it says nothing more', async () => {
  const { answer, told, stop, clock } = work({ postMs: 100 })
  answer.event(event('a'), 'content')
  answer.event(event('b'), 'content')
  stop()
  answer.event(event('c'), 'content')
  answer.end()
  await clock.advance(1000)
  expect([told, clock.pending()]).toEqual([[event('a')], 0])
})

test('a whole answer is posted as an item and then as the result', async () => {
  const { answer, told, clock } = work({ postMs: 100, input: { prompt: 'hi' } })
  answer.whole(200, '{"a":1}')
  expect(told).toEqual([{ a: 1 }])
  await clock.advance(100)
  expect(told).toEqual([{ a: 1 }, 'done'])
})

describe('what is no JSON', () => {
  const text = { 'content-type': 'text/plain; version=0.0.4' }
  const metrics = { route: '/metrics', method: 'GET' }

  test('fails the job', () => {
    const { answer, told } = work({ input: metrics })
    answer.whole(200, 'vllm:x 1\n', text)
    expect(told).toEqual([{ error: expect.stringContaining('Attempt to decode JSON') }])
  })

  test('is passed on when a stream was asked for', () => {
    const { answer, told } = work({ input: { ...metrics, body: { stream: true } } })
    answer.whole(200, 'vllm:x 1\n', text)
    expect(told).toEqual(['vllm:x 1\n', 'done'])
  })
})

describe('errors are written as a real worker writes them', () => {
  const errors = recordedWorkers().flatMap(({ name, worker }) =>
    worker.flatMap(([, kind, detail]): [string, string][] => {
      const { body } = detail as { body?: string }
      const error = kind === 'done' && body !== undefined ? JSON.parse(body).error : undefined
      return error === undefined ? [] : [[name, error]]
    }),
  )

  test.each(errors)('%s', (_, error) => {
    expect(pythonRepr(readPythonDict(error))).toBe(error)
  })

  test('and there are some', () => expect(errors.length).toBeGreaterThan(6))
})

describe('in the simulator', () => {
  const cold = { model: 'smollm2-135m', contextTokens: 2048 }
  const simulator = runSimulator({
    endpoints: { b: cold, deaf: { ...cold, honoursStop: false }, dead: cold },
  })

  async function run(endpoint: string, body: object): Promise<Record<string, unknown>> {
    const input = { openai_route: '/v1/chat/completions', openai_input: body }
    const answer = await simulator.call(`/v2/${endpoint}/runsync`, { input })
    return (await answer.json()) as Record<string, unknown>
  }

  async function statusOf(id: string): Promise<unknown> {
    const job = await (await simulator.call(`/v2/deaf/status/${id}`)).json()
    return (job as { status: unknown }).status
  }

  const recorded = recordedWorkers().find(({ name }) => name === 'openai-err-model')
  const [, , done] = recorded?.worker.at(-1) ?? []

  test('an unknown model fails with the recorded text', async () => {
    const job = await run('b', chat('hi', { model: 'nope' }))
    expect({ error: job.error }).toEqual(JSON.parse((done as { body: string }).body))
  })

  test('a worker whose vLLM is dead takes jobs and fails each at once', async () => {
    await run('dead', chat('hi', { max_tokens: 1 }))
    await simulator.call('/__control/workers', { endpoint: 'dead', event: 'engine-dead' })
    expect(await run('dead', chat('hi'))).toMatchObject({
      status: 'FAILED',
      error:
        "{'message': 'vLLM server process is not running; worker is unhealthy', " +
        "'type': 'worker_error', 'code': None}",
    })
  })

  test('a worker that does not honour a stop generates on', async () => {
    const input = {
      openai_route: '/v1/chat/completions',
      openai_input: chat('[[sim:slow-first=200]] hi', { max_tokens: 50, min_tokens: 50 }),
    }
    const { id } = (await (await simulator.call('/v2/deaf/run', { input })).json()) as {
      id: string
    }
    // A job that nobody has taken yet would only leave the queue.
    await until('a worker takes the job', async () => (await statusOf(id)) === 'IN_PROGRESS')
    await simulator.call(`/v2/deaf/cancel/${id}`, {})
    const tokens = async () => (await simulator.state()).endpoints.deaf?.generatedTokens ?? 0
    await until('all of it is generated', async () => (await tokens()) >= 50)
    expect(await statusOf(id)).toBe('CANCELLED')
  })
})
