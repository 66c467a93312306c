// One exchange: its deadlines, what is held of an answer that nobody reads, and when its place is
// free again.
import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { Fault } from '#src/domain/index.ts'
import { heldAnswerBytes } from '#src/upstreams/index.ts'
import { chunk, done } from '../support/scripted-upstream.ts'
import { answering, type Connection, large, open, options } from './one-exchange.ts'

describe('deadlines', () => {
  test('of the connection: not a moment before, and nothing was sent', async () => {
    const { clock, answer, releases, connection } = open()
    await clock.advance(99)
    expect(releases).toEqual([])
    await clock.advance(1)
    await expect(answer).rejects.toMatchObject({ kind: 'upstream_unreachable', started: 'no' })
    expect(releases).toEqual([{ how: 'unsent', cancellation: 'none' }])
    connection.connect()
    expect(connection.aborted).toBe(true)
    expect(clock.pending()).toBe(0)
  })

  test('of the first event: from the request on, whatever comes that is none', async () => {
    const { clock, connection, answer } = open()
    await clock.advance(90)
    connection.connect()
    await clock.advance(900)
    connection.head()
    connection.data(': ping\n\n')
    await clock.advance(99)
    expect(connection.aborted).toBe(false)
    await clock.advance(1)
    expect(connection.aborted).toBe(true)
    await expect((await answer).next()).rejects.toMatchObject({ kind: 'first_byte_timeout' })
  })

  test('between chunks: anew with each', async () => {
    const { clock, connection, events, releases } = await answering(chunk('one'))
    for (let n = 0; n < 3; n += 1) {
      await clock.advance(499)
      connection.data(chunk('more'))
      expect(await events.next()).toMatchObject({ kind: 'chunk' })
    }
    expect(connection.aborted).toBe(false)
    await clock.advance(500)
    expect(connection.aborted).toBe(true)
    expect(releases).toEqual([{ how: 'destroyed', cancellation: 'proven' }])
    expect(await events.next()).toMatchObject({ kind: 'chunk' })
    await expect(events.next()).rejects.toMatchObject({ kind: 'stalled' })
  })

  test('are gone with the exchange', async () => {
    const { clock, connection } = await answering(chunk('one') + done)
    connection.end()
    expect(clock.pending()).toBe(0)
  })
})

describe('an answer that nobody reads', () => {
  test('is paused, and its silence is not the upstream’s', async () => {
    const { clock, connection } = await answering(large)
    expect(connection.paused).toBe(true)
    await clock.advance(100 * options.betweenChunksMs)
    expect(connection.aborted).toBe(false)
  })

  test('goes on when half of it was read, and may stall again', async () => {
    const { clock, connection, events } = await answering(large + large)
    await events.next()
    expect(connection.paused).toBe(true)
    await events.next()
    expect(connection.paused).toBe(false)
    await clock.advance(options.betweenChunksMs)
    await expect(events.next()).rejects.toMatchObject({ kind: 'stalled' })
  })

  test('is counted by what is held, however small its last packet was', async () => {
    const { connection } = await answering(large.slice(0, -1))
    expect(connection.paused).toBe(false)
    connection.data('\n')
    expect(connection.paused).toBe(true)
  })

  test('is not paused while what is held is little', async () => {
    const { connection } = await answering(chunk('one') + chunk('two'))
    expect(connection.paused).toBe(false)
  })

  test.each([
    ['marks of the end', done],
    ['nonsense', 'data: x\n\n'],
  ])('holds one of many %s', async (_what, text) => {
    const { connection, events } = await answering(chunk('one') + text)
    const before = heldAnswerBytes()
    for (let n = 0; n < 1000; n += 1) connection.data(text)
    expect(heldAnswerBytes()).toBe(before)
    events[Symbol.dispose]()
  })

  test.each([
    ['in the middle', ''],
    ['after its mark of the end', done],
  ])('and was let go of %s holds nothing any more', async (_when, end) => {
    const before = heldAnswerBytes()
    const { events } = await answering(large + large + end)
    expect(heldAnswerBytes()).toBeGreaterThan(before)
    events[Symbol.dispose]()
    expect(heldAnswerBytes()).toBe(before)
  })

  test('that was let go of after its mark of the end flows off, and is not kept', async () => {
    const { clock, connection, events } = await answering(large + large + done)
    expect(connection.paused).toBe(true)
    events[Symbol.dispose]()
    expect(connection.paused).toBe(false)
    connection.data(large + large)
    expect(connection.paused).toBe(false)
    await clock.advance(1000)
    expect(connection.aborted).toBe(true)
    expect(clock.pending()).toBe(0)
  })
})

describe('a place', () => {
  test('is kept for a while where a cancellation is only hoped for', async () => {
    const { clock, releases, controller } = await answering(chunk('one'), 'hoped')
    controller.abort(new Fault('client_gone', { message: 'm' }))
    await clock.advance(options.orphanHoldMs - 1)
    expect(releases).toEqual([])
    await clock.advance(1)
    expect(releases).toEqual([{ how: 'held', cancellation: 'hoped' }])
    expect(clock.pending()).toBe(0)
  })

  test('is given back early, and once, when the process ends', async () => {
    const { clock, releases, controller, holds } = await answering(chunk('one'), 'hoped')
    controller.abort(new Fault('client_gone', { message: 'm' }))
    holds.endAll()
    holds.endAll()
    await clock.advance(options.orphanHoldMs)
    expect(releases).toEqual([{ how: 'held', cancellation: 'hoped' }])
  })

  test.each([
    ['a break', (one: Connection) => one.breaks()],
    ['a second end', (one: Connection) => one.end()],
    ['more of it', (one: Connection) => one.data(chunk('late'))],
    ['a head', (one: Connection) => one.head()],
  ])('is not given back again by %s after the end', async (_what, more) => {
    const { connection, events, releases } = await answering(chunk('one') + done)
    connection.end()
    more(connection)
    expect(releases).toEqual([{ how: 'ended', cancellation: 'none' }])
    await events.next()
    expect(await events.next()).toEqual({ kind: 'done' })
    expect(await events.next()).toBeNull()
  })

  test('is free when the upstream said its end and then broke', async () => {
    const { connection, releases } = await answering(chunk('one') + done, 'hoped')
    connection.breaks()
    expect(releases).toEqual([{ how: 'ended', cancellation: 'none' }])
  })
})

test.each([
  ['its end', (one: Connection) => one.end()],
  ['a break', (one: Connection) => one.breaks()],
])('an exchange that is over by %s no longer listens for its call’s end', async (_what, end) => {
  const { connection, controller } = await answering(chunk('one') + done)
  expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
  end(connection)
  expect(getEventListeners(controller.signal, 'abort')).toEqual([])
})

describe('an answer that cannot be read', () => {
  test('is stopped, and its place is kept where that is only hoped for', async () => {
    const { clock, connection, events, releases } = await answering(
      `${chunk('one')}data: {"choices":[oops\n\n${chunk('two')}`,
      'hoped',
    )
    expect(connection.aborted).toBe(true)
    expect(await events.next()).toMatchObject({ kind: 'chunk' })
    expect(await events.next()).toMatchObject({ kind: 'failed', isFound: true })
    expect(releases).toEqual([])
    await clock.advance(options.orphanHoldMs)
    expect(releases).toEqual([{ how: 'held', cancellation: 'hoped' }])
  })
})

describe('all answers together', () => {
  test('hold so much and no more: the one that asks for more is ended', async () => {
    const { inflightAnswerBytesMax: max } = options
    const [one, other] = [open(), open()]
    for (const { connection } of [one, other]) {
      connection.connect()
      connection.head(200, { 'content-type': 'application/json' })
    }
    const before = heldAnswerBytes()
    one.connection.data('x'.repeat(max - before))
    other.connection.data('x'.repeat(1000))
    expect([one.connection.aborted, other.connection.aborted]).toEqual([false, false])
    other.connection.data('x'.repeat(100_000))
    expect([one.connection.aborted, other.connection.aborted]).toEqual([false, true])
    await expect((await other.answer).next()).rejects.toMatchObject({ kind: 'overloaded' })
    for (const { answer } of [one, other]) (await answer)[Symbol.dispose]()
    expect(heldAnswerBytes()).toBe(before)
  })
})

describe('the head', () => {
  test('of a good answer does not say that the deployment is awake: its first event does', async () => {
    const { awake, connection } = open()
    connection.connect()
    connection.head()
    connection.data(': ping\n\n')
    expect(awake()).toBe(0)
    connection.data(chunk('one'))
    connection.data(chunk('two'))
    connection.end()
    expect(awake()).toBe(1)
  })

  test.each([
    ['a page', '<p>Starting</p>', 'text/html'],
    ['an error', '{"error":"no workers available"}', 'application/json'],
  ])('of a 200 with %s says nothing', async (_what, body, type) => {
    const { awake, connection, answer } = open()
    connection.connect()
    connection.head(200, { 'content-type': type })
    connection.data(body)
    connection.end()
    expect(await (await answer).next()).toMatchObject({ kind: 'failed' })
    expect(awake()).toBe(0)
  })

  test('with a coding of nothing is a good one', async () => {
    const { connection, answer } = open()
    connection.connect()
    connection.head(200, { 'content-type': 'text/event-stream', 'content-encoding': '' })
    connection.data(chunk('one'))
    expect(await (await answer).next()).toMatchObject({ kind: 'chunk' })
  })

  test('of a refusal does not', async () => {
    const { awake, connection, answer } = open()
    connection.connect()
    connection.head(503, { 'content-type': 'application/json' })
    connection.end()
    await expect(answer).rejects.toBeInstanceOf(Fault)
    expect(awake()).toBe(0)
  })

  test('that is only informational is none', async () => {
    const { connection, answer } = open()
    connection.connect()
    connection.head(103, {})
    connection.head()
    connection.data(chunk('one'))
    expect(await (await answer).next()).toMatchObject({ kind: 'chunk' })
  })
})
