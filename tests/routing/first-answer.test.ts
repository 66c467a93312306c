// From a route to the first sign of an answer: when a try is repeated, and what is told of it.
import { describe, expect, test } from 'vitest'
import { type Answer, Fault } from '#src/domain/index.ts'
import { scriptedAnswer, scriptedDeployment } from '../support/scripted-deployment.ts'
import { settled } from './door.ts'
import { fails, first, route } from './one-route.ts'

describe('a good answer', () => {
  test('comes with its first event still to be read', async () => {
    const upstream = scriptedDeployment()
    const { answer, told } = route(upstream)
    const open = await upstream.nextOpen()
    open.resolve(scriptedAnswer([first, { kind: 'done' }]))
    const judged = (await answer) as Answer // nothing was said that could make it a fault
    expect(judged).toMatchObject({ dialect: 'vllm', timings: { workerId: 'worker-1' } })
    const events = [await judged.next(), await judged.next(), await judged.next()]
    expect(events).toEqual([first, { kind: 'done' }, null])
    // There was no line to stand in.
    expect(told).toEqual(['began'])
  })

  test('is asked for with the body for this deployment, and the call’s own signal', async () => {
    const upstream = scriptedDeployment(1, { speaks: (surface) => `dialect of ${surface}` })
    const { signal } = new AbortController()
    let target: unknown
    const toUpstream = (given?: unknown) => {
      target = given
      return { path: '/v1/x', body: Buffer.from('text') }
    }
    route(upstream, { signal, toUpstream, call: { id: 'req_7', deadlineTicksMs: 5 } })
    const { request, context } = await upstream.nextOpen()
    expect(target).toEqual({ dialect: 'dialect of openai-chat', servedName: 'served/model' })
    expect(request).toEqual({
      requestId: 'req_7',
      path: '/v1/x',
      body: Buffer.from('text'),
      stream: false,
    })
    expect(context.signal).toBe(signal)
    expect(context.deadlineTicksMs).toBe(5)
  })
})

describe('a try that provably never left', () => {
  test('is repeated once, and may then succeed', async () => {
    const upstream = scriptedDeployment()
    const { answer, told } = route(upstream)
    fails(await upstream.nextOpen(), 'upstream_unreachable', 'no')
    const second = await upstream.nextOpen()
    second.resolve(scriptedAnswer([first]))
    expect(await answer).not.toBeInstanceOf(Fault)
    expect(told).toEqual([...['began', 'released unsent', 'faulted upstream_unreachable'], 'began'])
  })

  test('is not repeated a second time', async () => {
    const upstream = scriptedDeployment()
    const { answer } = route(upstream)
    fails(await upstream.nextOpen(), 'upstream_unreachable', 'no')
    const last = fails(await upstream.nextOpen(), 'upstream_unreachable', 'no')
    expect(await answer).toBe(last)
    expect(upstream.opened).toHaveLength(2)
  })

  test('is not repeated for a client that has left', async () => {
    const upstream = scriptedDeployment()
    const controller = new AbortController()
    const { answer } = route(upstream, { signal: controller.signal })
    const open = await upstream.nextOpen()
    controller.abort()
    const fault = fails(open, 'upstream_unreachable', 'no')
    expect(await answer).toBe(fault)
    expect(upstream.opened).toHaveLength(1)
  })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['upstream_unreachable', 'maybe'],
  ['upstream_bad_answer',  'yes'],
  ['upstream_refused',     'no'],
  ['overloaded',           'no'],
  ['first_byte_timeout',   'maybe'],
] as const)('a try that ends in %s (started: %s) is not repeated', async (kind, started) => {
  const upstream = scriptedDeployment()
  const { answer } = route(upstream)
  const fault = fails(await upstream.nextOpen(), kind, started)
  expect(await answer).toBe(fault)
  expect(upstream.opened).toHaveLength(1)
})

describe('the permit', () => {
  test('is free again when the upstream says so, and not when the answer does', async () => {
    const upstream = scriptedDeployment()
    const { answer, askBehind, routing } = route(upstream)
    const open = await upstream.nextOpen()
    open.resolve(scriptedAnswer([first, { kind: 'done' }]))
    await answer
    const waiting = askBehind({})
    expect(routing.waiting()).toEqual([{ model: 'asked', waiting: 1 }])
    open.context.onReleased({ how: 'ended', cancellation: 'none' })
    const next = await upstream.nextOpen()
    expect(routing.waiting()).toEqual([{ model: 'asked', waiting: 0 }])
    next.resolve(scriptedAnswer([first]))
    await waiting
  })

  test('is given back when the body could not even be written', async () => {
    const upstream = scriptedDeployment()
    const mistake = new TypeError('a mistake of ours')
    const toUpstream = () => {
      throw mistake
    }
    const { answer, routing, told } = route(upstream, { toUpstream })
    expect(await answer).toMatchObject({ kind: 'internal', cause: mistake })
    expect(routing.load()).toMatchObject([{ running: 0 }])
    expect(told).toContain('faulted internal')
    expect(upstream.opened).toHaveLength(0)
  })

  test('is never asked for by a call that left the line', async () => {
    const upstream = scriptedDeployment(0)
    const controller = new AbortController()
    const reason = new Fault('client_gone', { message: 'It left.' })
    const { answer, told } = route(upstream, { signal: controller.signal })
    controller.abort(reason)
    expect(await answer).toBe(reason)
    upstream.setCapacity(1)
    expect(told).toEqual(['queued', 'left the line'])
    expect(upstream.opened).toHaveLength(0)
  })
})

describe('judging the first event', () => {
  const said = new Fault('upstream_bad_answer', { message: 'm' })
  const broken = new Fault('upstream_cut', { message: 'm', started: 'yes' })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['an error',            1, [{ kind: 'failed', fault: said }, { kind: 'done' }], { kind: 'upstream_bad_answer' }],
    ['the end',             2, [{ kind: 'done' }],                                  { kind: 'upstream_bad_answer', started: 'yes' }],
    ['nothing',             2, [],                                                  { kind: 'upstream_bad_answer', started: 'yes' }],
    ['a break',             2, [broken],                                            { kind: 'upstream_cut' }],
  ] as const)('%s is no answer: it rejects and lets go of it', async (_what, triesMax, script, expected) => {
    const upstream = scriptedDeployment()
    const { answer } = route(upstream)
    for (let tries = 0; tries < triesMax; tries += 1) {
      const given = scriptedAnswer(script)
      const open = await upstream.nextOpen()
      open.context.onReleased({ how: 'ended', cancellation: 'none' })
      open.resolve(given)
      await settled()
      expect(given.disposals()).toBe(1)
    }
    expect(await answer).toMatchObject(expected)
    expect(upstream.opened).toHaveLength(triesMax)
  })

  test('lets go of a good answer only when it is told to', async () => {
    const upstream = scriptedDeployment()
    const { answer } = route(upstream)
    const given = scriptedAnswer([first])
    const open = await upstream.nextOpen()
    open.resolve(given)
    const judged = (await answer) as Disposable
    expect(given.disposals()).toBe(0)
    judged[Symbol.dispose]()
    expect(given.disposals()).toBe(1)
  })
})
