// The server behind `/engine/<endpoint>` is stopped, started anew and removed while it has calls.
// The simulator's clock is moved by hand.
import { expect, test } from 'vitest'
import { readAnswer } from '../support/events.ts'
import { chat, runSimulator } from '../support/running.ts'

const endpoints = { one: { model: 'm', engine: { shutdownTimeoutMs: 5000 } } }
const simulator = runSimulator({ clock: 'manual', speed: 1, endpoints })
const path = '/engine/one/v1/chat/completions'

async function happens(event: string, endpoint = 'one'): Promise<unknown> {
  return (await simulator.call('/__control/engine', { endpoint, event })).json()
}

async function advance(advanceMs: number): Promise<void> {
  await simulator.call('/__control/clock', { advanceMs })
}

test('a server that is told to stop drains, is gone, and can be started anew', async () => {
  const long = await simulator.call(path, chat('[[sim:tokens=4000]]', { stream: true }))
  await advance(500)
  expect(await happens('stop')).toEqual({ phase: 'draining' })
  expect((await simulator.call(path, chat('hello'))).status).toBe(503)
  expect((await simulator.call('/engine/one/health')).status).toBe(200)
  await advance(5000)
  const answer = readAnswer(await long.text())
  expect(answer.error).toMatch('EngineCore encountered an issue')
  expect([answer.isDone, answer.finish]).toEqual([true, null])
  expect((await simulator.call('/engine/one/health')).status).toBe(503)
  await advance(1000)
  await expect(simulator.call('/engine/one/health')).rejects.toThrow()
  expect(await happens('start')).toEqual({ phase: 'up' })
  const again = await simulator.call(path, chat('hello', { max_tokens: 1, stream: true }))
  await advance(1000)
  expect(readAnswer(await again.text()).finish).toBe('length')
})

test('what it generated before it was started anew still counts', async () => {
  const asked = await simulator.call(path, chat('hello', { max_tokens: 30, stream: true }))
  await advance(2000)
  await asked.text()
  const tokens = async () => (await simulator.state()).endpoints.one?.generatedTokens ?? 0
  const before = await tokens()
  expect(before).toBeGreaterThan(29)
  await happens('start')
  expect(await tokens()).toBe(before)
})

test('servers of two endpoints give different ids to calls of one moment', async () => {
  const gpu = { pools: ['ADA_24'] }
  const fields = { type: 'QUEUE', image: 'x', gpu, scaling: { type: 'REQUEST_COUNT' } }
  const streams: Response[] = []
  for (const name of ['a', 'b']) {
    const made = await simulator.call('/v2/serverless', { ...fields, name })
    const { id } = (await made.json()) as { id: string }
    const body = chat('hello', { stream: true, max_tokens: 1 })
    streams.push(await simulator.call(`/engine/${id}/v1/chat/completions`, body))
  }
  await advance(1000)
  const texts = await Promise.all(streams.map((stream) => stream.text()))
  const ids = texts.map((text) => /"id":"([^"]+)"/.exec(text)?.[1])
  expect(ids[0]).not.toBe(ids[1])
})

test('when its endpoint is removed, its calls end as when a server dies', async () => {
  const gpu = { pools: ['ADA_24'] }
  const scaling = { type: 'REQUEST_COUNT' }
  const fields = { name: 'm', type: 'QUEUE', image: 'x', gpu, scaling }
  const made = await (await simulator.call('/v2/serverless', fields)).json()
  const { id } = made as { id: string }
  const door = `/engine/${id}/v1/chat/completions`
  const stream = await simulator.call(door, chat('hello', { stream: true }))
  await simulator.call(`/v2/serverless/${id}`, undefined, { method: 'DELETE' })
  expect(readAnswer(await stream.text()).error).toMatch('EngineCore encountered an issue')
})

test('an endpoint or an event that is not there is refused', async () => {
  const to = (body: object) => simulator.call('/__control/engine', body)
  expect((await to({ endpoint: 'two', event: 'stop' })).status).toBe(404)
  expect((await to({ endpoint: 'one', event: 'explode' })).status).toBe(400)
})
