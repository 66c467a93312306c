// What faults do to jobs and workers, on a clock that the test moves.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { chat, runSimulator } from '../support/running.ts'

const endpoint = 'sim-phi'
const simulator = runSimulator({
  clock: 'manual',
  coldMs: 2000,
  speed: 1,
  lostAfterMs: 40_000,
  crashBackoffMs: 10_000,
})

interface Envelope {
  id: string
  status: string
  output?: unknown[]
  error?: string
  retries?: number
  workerId?: string
  delayTime?: number
}

interface Workers {
  idle: number
  initializing: number
  running: number
  throttled: number
  unhealthy: number
}

const advance = (advanceMs: number) => simulator.call('/__control/clock', { advanceMs })
const addRule = (rule: object) => simulator.call('/__control/faults', rule)
const health = async () => {
  const answer = await simulator.call(`/v2/${endpoint}/health`)
  return ((await answer.json()) as { workers: Workers }).workers
}

async function run(prompt: string, more: object = {}): Promise<string> {
  const body = chat(prompt, { stream: true, max_tokens: 12 })
  const input = { openai_route: '/v1/chat/completions', openai_input: body }
  const response = await simulator.call(`/v2/${endpoint}/run`, { input, ...more })
  return ((await response.json()) as Envelope).id
}

async function status(id: string): Promise<Envelope> {
  return (await (await simulator.call(`/v2/${endpoint}/status/${id}`)).json()) as Envelope
}

async function streamed(id: string): Promise<string[]> {
  const response = await simulator.call(`/v2/${endpoint}/stream/${id}`)
  const { stream } = (await response.json()) as { stream: { output: string }[] }
  return stream.map(({ output }) => output)
}

afterEach(async () => {
  await simulator.call('/__control/faults', undefined, { method: 'DELETE' })
  await advance(3_600_000)
  await simulator.call('/__control/cold', {})
})

describe('a worker that dies of a job', () => {
  test('gives it to another, once, which begins anew: what was streamed comes again', async () => {
    const id = await run('[[sim:worker-dies-after=3]]')
    await advance(5000)
    const first = await streamed(id)
    expect(first).not.toEqual([])
    await advance(60_000)
    const { status: ending, retries } = await status(id)
    expect([ending, retries]).toEqual(['COMPLETED', 1])
    const again = (await streamed(id)).join('')
    expect(again.startsWith(first.join('').slice(0, 6))).toBe(true)
    expect(again).toMatch(/\[DONE\]\n\n$/)
  })

  test('and of whom the second dies too fails it', async () => {
    const id = await run('[[sim:worker-dies-after=3]] [[sim:dies-again]]')
    await advance(200_000)
    expect(await status(id)).toMatchObject({
      status: 'FAILED',
      retries: 1,
      error: 'job timed out after 1 retries',
    })
  })

  test('can be struck by hand', async () => {
    const id = await run('[[sim:slow-first=30000]]')
    await advance(3000)
    const { workerId } = await status(id)
    const strike = { endpoint, worker: workerId, event: 'lost' }
    expect((await simulator.call('/__control/workers', strike)).status).toBe(200)
    await advance(120_000)
    expect(await status(id)).toMatchObject({ status: 'COMPLETED', retries: 1 })
  })
})

describe('a job', () => {
  test('loses the item that it is told to, and keeps it in its output', async () => {
    const id = await run('[[sim:lose-item=2]]')
    await advance(10_000)
    const got = await streamed(id)
    const { output = [] } = await status(id)
    expect(got).toHaveLength(output.length - 1)
    expect(got).toEqual(output.filter((_, at) => at !== 1))
  })

  test('is COMPLETED without output when its result is refused', async () => {
    const id = await run('[[sim:lose-output]]')
    await advance(10_000)
    const { status: ending, output } = await status(id)
    expect([ending, output]).toEqual(['COMPLETED', undefined])
  })

  test('vanishes when it is told to, as at the end of its ttl', async () => {
    const id = await run('[[sim:vanish-after=8000]]')
    await advance(7000)
    expect((await simulator.call(`/v2/${endpoint}/status/${id}`)).status).toBe(200)
    await advance(1000)
    expect((await simulator.call(`/v2/${endpoint}/status/${id}`)).status).toBe(404)
  })

  test('that ignores its stop is CANCELLED, and generates to the end', async () => {
    const generated = async () =>
      (await simulator.state()).endpoints[endpoint]?.generatedTokens ?? 0
    const before = await generated()
    const id = await run('[[sim:ignore-stop]]')
    await advance(2050)
    expect(await generated()).toBeLessThan(before + 12)
    await simulator.call(`/v2/${endpoint}/cancel/${id}`, {})
    expect((await status(id)).status).toBe('CANCELLED')
    await advance(5000)
    expect(await generated()).toBe(before + 12)
  })

  test('tries its webhook again when attempts fail', async () => {
    const bodies: Envelope[] = []
    let heard = () => {}
    const arrival = new Promise<void>((resolve) => {
      heard = resolve
    })
    const server = createServer((request, response) => {
      let text = ''
      request.on('data', (chunk) => {
        text += chunk
      })
      request.on('end', () => {
        bodies.push(JSON.parse(text))
        response.end()
        heard()
      })
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as AddressInfo
    const webhook = `http://127.0.0.1:${port}/`
    const id = await run('[[sim:webhook-fails=1]]', { webhook })
    await advance(4000)
    expect(bodies).toEqual([])
    await advance(20_000)
    await arrival
    expect(bodies.map((body) => [body.id, body.status])).toEqual([[id, 'COMPLETED']])
    server.close()
  })
})

describe('a call', () => {
  test('has another good status where a rule says so', async () => {
    await addRule({ fault: 'good-status=201', match: { operation: 'health' } })
    expect((await simulator.call(`/v2/${endpoint}/health`)).status).toBe(201)
  })

  test('waits at the door for its latency', async () => {
    await addRule({ fault: 'latency=5000', match: { operation: 'health' } })
    let isAnswered = false
    const answer = health().then(() => {
      isAnswered = true
    })
    await advance(4999)
    await simulator.state()
    expect(isAnswered).toBe(false)
    await advance(1)
    await answer
  })

  test('is dated by a clock that is wrong', async () => {
    const before = await simulator.call('/__control/clock')
    const { nowMs } = (await before.json()) as { nowMs: number }
    await addRule({ fault: 'clock-skew=600000', match: { operation: 'health' } })
    const { headers } = await simulator.call(`/v2/${endpoint}/health`)
    const skewed = Date.parse(headers.get('date') ?? '')
    expect(Math.abs(skewed - nowMs - 600_000)).toBeLessThan(1000)
  })

  test('of /health tells of workers that are not warm', async () => {
    await addRule({ fault: 'health-differs' })
    const { idle, initializing } = await health()
    expect([idle > 0, initializing]).toEqual([true, 0])
  })
})

describe('a worker that boots', () => {
  test('is throttled for as long as no host has a GPU', async () => {
    const id = await run('[[sim:throttled=60000]]')
    await advance(59_000)
    expect((await health()).throttled).toBe(1)
    await advance(10_000)
    expect((await status(id)).status).toBe('COMPLETED')
  })

  test('crashes, is unhealthy, and is started again', async () => {
    const id = await run('[[sim:boot-crash]]')
    await advance(3000)
    expect(await health()).toMatchObject({ unhealthy: 1, running: 0 })
    await advance(20_000)
    expect((await status(id)).status).toBe('COMPLETED')
  })

  test('with a dead engine fails each job at once, and stays', async () => {
    const id = await run('[[sim:engine-dead]]')
    await advance(2100)
    const failed = await status(id)
    expect(failed.status).toBe('FAILED')
    expect(failed.error).toMatch('vLLM server process is not running; worker is unhealthy')
    const next = await run('hello')
    await advance(500)
    expect((await status(next)).status).toBe('FAILED')
  })

  test.each(['slow-pull', 'slow-start', 'slow-load', 'slow-warm-up'])(
    'takes longer by %s',
    async (fault) => {
      const id = await run(`[[sim:${fault}=30000]]`)
      await advance(31_900)
      expect((await status(id)).status).toBe('IN_QUEUE')
      await advance(5000)
      expect((await status(id)).status).toBe('COMPLETED')
    },
  )
})

test('a worker that is not there cannot be struck', async () => {
  const strike = { endpoint, worker: 'nobody', event: 'engine-dead' }
  expect((await simulator.call('/__control/workers', strike)).status).toBe(404)
  expect((await simulator.call('/__control/workers', { event: 'lost' })).status).toBe(400)
})

describe('two simulators with one seed', () => {
  const throttledTime = { medianMs: 20_000, leastMs: 1000, mostMs: 100_000 }
  const settings = { clock: 'manual', seed: 0, coldMs: 1500, throttledShare: 0.5, throttledTime }
  const one = runSimulator(settings)
  const other = runSimulator(settings)

  async function story({ call }: typeof one): Promise<unknown> {
    await call('/__control/faults', { fault: 'cut-after=4', match: { probability: 0.4 } })
    const ends: unknown[] = []
    for (let at = 0; at < 8; at += 1) {
      const input = { prompt: `number ${at}`, stream: true }
      const job = (await (await call(`/v2/${endpoint}/run`, { input })).json()) as Envelope
      await call('/__control/clock', { advanceMs: 700_000 })
      ends.push(await (await call(`/v2/${endpoint}/status/${job.id}`)).json())
    }
    const state = (await (await call('/__control/state')).json()) as { usd: number }
    return { ends, usd: state.usd }
  }

  test('tell the same story, down to ids and cents', async () => {
    const first = await story(one)
    expect(await story(other)).toEqual(first)
    expect(JSON.stringify(first)).toMatch('FAILED')
    expect(JSON.stringify(first)).toMatch('COMPLETED')
  })
})

describe('the clock', () => {
  const real = runSimulator({})

  test('that runs by itself cannot be moved', async () => {
    expect((await real.call('/__control/clock', { advanceMs: 1000 })).status).toBe(409)
  })

  test('takes no nonsense', async () => {
    expect((await simulator.call('/__control/clock', { advanceMs: -1 })).status).toBe(400)
  })
})
