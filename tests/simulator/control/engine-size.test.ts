// `/__control/engine` changes how many sequences an engine runs at once, while calls run on it.
import { expect, test } from 'vitest'
import { chat, runSimulator } from '../support/running.ts'

const endpoints = {
  one: { model: 'm', fleet: { workersMax: 1 } },
  two: { model: 'm' },
}
const simulator = runSimulator({ clock: 'manual', coldMs: 0, speed: 1, seqsMax: 8, endpoints })
const advance = (advanceMs: number) => simulator.call('/__control/clock', { advanceMs })
const control = (body: object) => simulator.call('/__control/engine', body)
const long = chat('[[sim:tokens=3000]]', { stream: true })

async function resize(endpoint: string, seqsMax: number): Promise<unknown> {
  return (await control({ endpoint, event: 'resize', seqsMax })).json()
}

async function sequences(endpoint = 'one') {
  return (await simulator.state()).endpoints[endpoint]?.sequences
}

test('a new size reaches the engine of a running worker at once, and its calls go on', async () => {
  for (let job = 0; job < 6; job += 1) {
    await simulator.call('/v2/one/run', {
      input: { openai_route: '/v1/chat/completions', openai_input: long },
    })
  }
  await advance(100)
  expect(await sequences()).toMatchObject({ max: 8, running: 6, waiting: 0 })
  expect(await resize('one', 2)).toEqual({ phase: 'up', seqsMax: 2 })
  await simulator.call('/v2/one/run', {
    input: { openai_route: '/v1/chat/completions', openai_input: long },
  })
  await advance(100)
  expect(await sequences()).toMatchObject({ max: 2, running: 6, waiting: 1 })
  expect((await simulator.state()).endpoints.one).toMatchObject({ queued: 0, running: 7 })
  await resize('one', 16)
  await advance(100)
  expect(await sequences()).toMatchObject({ max: 16, running: 7, waiting: 0, sharedPeak: 7 })
})

test('an engine that starts later has the new size, and other endpoints keep theirs', async () => {
  await resize('two', 1)
  await control({ endpoint: 'two', event: 'start' })
  const streams = [
    await simulator.call('/engine/two/v1/chat/completions', long),
    await simulator.call('/engine/two/v1/chat/completions', long),
  ]
  await advance(100)
  expect(await sequences('two')).toMatchObject({ max: 1, running: 1, waiting: 1 })
  expect(await sequences('one')).toMatchObject({ max: 16 })
  for (const stream of streams) await stream.body?.cancel()
})

test.each([
  ['no size', { endpoint: 'one', event: 'resize' }, 400],
  ['no room at all', { endpoint: 'one', event: 'resize', seqsMax: 0 }, 400],
  ['half a sequence', { endpoint: 'one', event: 'resize', seqsMax: 1.5 }, 400],
  ['a size with another event', { endpoint: 'one', event: 'start', seqsMax: 3 }, 400],
  ['an endpoint that is not there', { endpoint: 'three', event: 'resize', seqsMax: 3 }, 404],
])('%s is refused', async (_, body, status) => {
  expect((await control(body)).status).toBe(status)
})
