// A client that waits is kept company, on a clock that stands still.
import { describe, expect, test } from 'vitest'
import { Fault } from '#src/domain/index.ts'
import { scriptedAnswer, silentAnswer } from '../support/scripted-deployment.ts'
import { done, eventsIn, finished, said, startCall, usage } from './one-call.ts'

/** Calls of the tests have 10 s of silence before a comment. */
const keepAliveMs = 10_000

describe('a stream that waits', () => {
  test('hears what is waited for, each time that it was silent for long enough', async () => {
    const { client, clock, deployment, happened } = startCall()
    await clock.advance(keepAliveMs - 1)
    expect(happened).toEqual([])
    await clock.advance(1)
    expect(happened).toEqual(['begin', 'write : podgate queued'])
    expect(client.headers['x-request-id']).toBe('req_1')
    const open = await deployment.nextOpen()
    open.context.onProgress({ phase: 'warming', etaMs: 93_400 })
    await clock.advance(keepAliveMs)
    open.context.onProgress({ phase: 'waiting', etaMs: null })
    await clock.advance(keepAliveMs)
    expect(happened.slice(2)).toEqual([
      'write : podgate warming eta=94s',
      'write : podgate waiting',
    ])
  })

  test('still gets its answer, with the headers that left before', async () => {
    const one = startCall({ capacity: 0 })
    await one.clock.advance(keepAliveMs)
    one.deployment.setCapacity(1)
    const open = await one.deployment.nextOpen()
    open.resolve(scriptedAnswer([said('Hi'), finished(), done]))
    await one.ended
    expect(one.happened.filter((what) => what === 'begin')).toHaveLength(1)
    expect(eventsIn(one.client.text()).at(-1)).toBe('[DONE]')
  })

  test('hears of a failure as an error event, once its 200 has left', async () => {
    const one = startCall()
    const open = await one.deployment.nextOpen()
    await one.clock.advance(keepAliveMs)
    open.reject(new Fault('upstream_bad_answer', { message: 'It failed.', started: 'maybe' }))
    await one.ended
    const events = eventsIn(one.client.text())
    expect(events).toHaveLength(1)
    expect(JSON.parse(events[0] ?? '').error.message).toBe('It failed.')
    expect(one.records[0]).toMatchObject({ status: 200, outcome: 'failed' })
  })

  test('hears of a failure by its status, as long as nothing left', async () => {
    const one = startCall()
    const open = await one.deployment.nextOpen()
    await one.clock.advance(keepAliveMs - 1)
    open.reject(new Fault('upstream_bad_answer', { message: 'It failed.', started: 'maybe' }))
    await one.ended
    expect(one.client.status).toBe(502)
  })

  test('is kept company in the middle of its answer, when it has been silent for long', async () => {
    const one = startCall()
    const open = await one.deployment.nextOpen()
    await one.clock.advance(4_000)
    open.resolve(silentAnswer([said('Hi')]))
    await one.clock.advance(keepAliveMs - 1)
    expect(one.happened).not.toContain('write : podgate queued')
    await one.clock.advance(1)
    expect(one.happened.filter((what) => what.startsWith('write :'))).toHaveLength(1)
    await one.clock.advance(2 * keepAliveMs)
    expect(one.happened.filter((what) => what.startsWith('write :'))).toHaveLength(3)
    one.client.abandon(new Fault('client_gone', { message: 'm' }))
  })

  test('is kept company when its answer has begun with nothing to show', async () => {
    const one = startCall()
    const open = await one.deployment.nextOpen()
    open.resolve(silentAnswer([usage(9, 0)]))
    await one.clock.advance(keepAliveMs)
    expect(one.happened).toContain('begin')
    one.client.abandon(new Fault('client_gone', { message: 'm' }))
  })

  test('is left alone while it does not read, and after its end', async () => {
    const one = startCall()
    const open = await one.deployment.nextOpen()
    one.client.stopsReading()
    open.resolve(scriptedAnswer([said('Hi'), finished(), done]))
    await one.clock.advance(5 * keepAliveMs)
    expect(one.client.text()).not.toContain(': podgate')
    one.client.reads()
    await one.ended
    const heard = one.happened.length
    await one.clock.advance(5 * keepAliveMs)
    expect(one.happened).toHaveLength(heard)
  })
})

test('a whole answer is waited for in silence', async () => {
  const { clock, deployment, happened } = startCall({ body: { stream: false } })
  await deployment.nextOpen()
  await clock.advance(20 * keepAliveMs)
  expect(happened).toEqual([])
})

test('a call that was refused is never kept company', async () => {
  const refused = new Fault('rate_requests', { message: 'm', retryAfterMs: 1 })
  const one = startCall({ reserve: () => Promise.reject(refused) })
  await one.ended
  await one.clock.advance(5 * keepAliveMs)
  expect(one.happened).toEqual(['metrics', 'log', 'answer 429'])
})
