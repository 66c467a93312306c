// An upstream that says it is full is left alone for a while: its gate, and the calls before it.
import { describe, expect, test } from 'vitest'
import { type Answer, Fault } from '#src/domain/index.ts'
import {
  type Opened,
  type ScriptedDeployment,
  scriptedAnswer,
  scriptedDeployment,
} from '../support/scripted-deployment.ts'
import { createDoor, never, settled, unhurried } from './door.ts'
import { first, route } from './one-route.ts'

describe('a gate whose upstream is full', () => {
  test('lets nobody in during the pause, then whoever was turned away before the others', async () => {
    const door = createDoor(2)
    await door.arrive('a')
    door.leave('a')
    door.gate.turnedAway('full')
    void door.arrive('b')
    void door.gate
      .enterAgain()
      .permit(never, unhurried)
      .then(() => door.inside.push('a again'))
    await door.clock.advance(249)
    expect(door.inside).toEqual(['a'])
    await door.clock.advance(1)
    expect(door.inside).toEqual(['a', 'a again', 'b'])
  })

  test.each([
    ['after it was seen to answer', ['answer', 'leave']],
    ['before anybody saw that it answered', ['leave', 'answer']],
  ])('ends the pause when a call that it served is over, %s', async (_when, order) => {
    const door = createDoor(2)
    await door.arrive('a')
    door.gate.turnedAway('full')
    void door.arrive('b')
    for (const step of order) {
      await settled()
      expect(door.inside).toEqual(['a'])
      if (step === 'answer') door.answer('a')
      else door.leave('a')
    }
    await settled()
    expect(door.inside).toEqual(['a', 'b'])
  })

  test('keeps its pause when those whom it turned away give back their places', async () => {
    const door = createDoor(2)
    await door.arrive('a')
    await door.arrive('b')
    void door.arrive('c')
    door.gate.turnedAway('full')
    door.leave('a')
    door.gate.turnedAway('full')
    door.leave('b')
    await door.clock.advance(249)
    expect(door.inside).toEqual(['a', 'b'])
    await door.clock.advance(1)
    expect(door.inside).toEqual(['a', 'b', 'c'])
  })

  test('doubles its pause with each time that it was asked in vain, sixteenfold at most', async () => {
    const door = createDoor(1)
    for (const pauseMs of [250, 500, 1000, 2000, 4000, 4000]) {
      door.gate.turnedAway('full')
      const { length } = door.inside
      void door.arrive('a')
      await door.clock.advance(pauseMs - 1)
      expect(door.inside).toHaveLength(length)
      await door.clock.advance(1)
      expect(door.inside).toHaveLength(length + 1)
      door.leave('a')
    }
  })

  test('pauses as short as at first once it has answered', async () => {
    const door = createDoor(1)
    door.gate.turnedAway('full')
    await door.clock.advance(250)
    await door.arrive('a')
    door.answer('a')
    door.leave('a')
    door.gate.turnedAway('full')
    void door.arrive('b')
    await door.clock.advance(250)
    expect(door.inside).toEqual(['a', 'b'])
  })

  test('is left alone as long as it asks for, whatever comes free there', async () => {
    const door = createDoor(2)
    await door.arrive('a')
    door.answer('a')
    door.gate.turnedAway('full', 3000)
    door.gate.turnedAway('full')
    void door.arrive('b')
    door.leave('a')
    await door.clock.advance(2999)
    expect(door.inside).toEqual(['a'])
    await door.clock.advance(1)
    expect(door.inside).toEqual(['a', 'b'])
  })

  test('is left alone so long also when it asks during a pause of ours', async () => {
    const door = createDoor(1)
    door.gate.turnedAway('full')
    door.gate.turnedAway('full', 3000)
    void door.arrive('a')
    await door.clock.advance(2999)
    expect(door.inside).toEqual([])
    await door.clock.advance(1)
    expect(door.inside).toEqual(['a'])
    expect(door.clock.pending()).toBe(0)
  })
})

describe('an upstream that says it is full', () => {
  const full = new Fault('overloaded', { message: 'm', turnedAway: 'full' })

  function turnAway(open: Opened): void {
    open.context.onReleased({ how: 'ended', cancellation: 'none' })
    open.reject(full)
  }

  test('is asked again after a pause that doubles, and the answer is as good as any', async () => {
    const upstream = scriptedDeployment()
    const { answer, clock, told } = route(upstream)
    turnAway(await upstream.nextOpen())
    await clock.advance(249)
    expect(upstream.opened).toHaveLength(1)
    await clock.advance(1)
    turnAway(await upstream.nextOpen())
    await clock.advance(499)
    expect(upstream.opened).toHaveLength(2)
    await clock.advance(1)
    const given = scriptedAnswer([first])
    const open = await upstream.nextOpen()
    open.resolve(given)
    expect(await ((await answer) as Answer).next()).toMatchObject({ kind: 'chunk' })
    expect(told.filter((line) => line === 'faulted overloaded')).toHaveLength(2)
  })

  test('is asked again as soon as a call that it served is over', async () => {
    const upstream = scriptedDeployment(2)
    const { answer, clock, askBehind } = route(upstream)
    const served = await upstream.nextOpen()
    served.resolve(scriptedAnswer([first]))
    await answer
    void askBehind({})
    turnAway(await upstream.nextOpen())
    await clock.advance(1)
    expect(upstream.opened).toHaveLength(2)
    served.context.onReleased({ how: 'ended', cancellation: 'none' })
    await clock.advance(0)
    expect(upstream.opened).toHaveLength(3)
  })

  test('is heard by the relay, when the deadline passes in its line', async () => {
    const upstream = scriptedDeployment()
    const controller = new AbortController()
    const { answer, clock, turnedAway } = route(upstream, { signal: controller.signal })
    turnAway(await upstream.nextOpen())
    await clock.advance(1)
    controller.abort(new Fault('deadline', { message: 'late' }))
    expect(await answer).toMatchObject({ kind: 'overloaded', turnedAway: 'full' })
    expect(turnedAway).toEqual([full])
  })

  test('is why for those, too, who stood behind the one that it turned away', async () => {
    const upstream = scriptedDeployment()
    const controller = new AbortController()
    const { clock, booking, askBehind } = route(upstream)
    turnAway(await upstream.nextOpen())
    await clock.advance(1)
    const behind = askBehind({ signal: controller.signal })
    await clock.advance(1)
    expect(booking.isPaused()).toBe(true)
    controller.abort(new Fault('deadline', { message: 'late' }))
    expect(await behind).toMatchObject({ kind: 'overloaded', turnedAway: 'full' })
    expect(upstream.opened).toHaveLength(1)
  })

  test('is asked again when it said to, and not before', async () => {
    const upstream = scriptedDeployment()
    const { clock } = route(upstream)
    const open = await upstream.nextOpen()
    open.context.onReleased({ how: 'ended', cancellation: 'none' })
    open.reject(new Fault('overloaded', { message: 'm', turnedAway: 'full', retryAfterMs: 7000 }))
    await clock.advance(6999)
    expect(upstream.opened).toHaveLength(1)
    await clock.advance(1)
    expect(upstream.opened).toHaveLength(2)
  })
})

describe('the wait for an upstream that is full', () => {
  const full = (retryAfterMs: number | null = null) =>
    new Fault('overloaded', { message: 'of the upstream', turnedAway: 'full', retryAfterMs })
  const cold = new Fault('overloaded', { message: 'cold', turnedAway: 'cold' })
  const options = { fullWaitMs: 5_000 }

  async function turnAway(upstream: ScriptedDeployment, fault = full()): Promise<void> {
    const open = await upstream.nextOpen()
    open.context.onReleased({ how: 'ended', cancellation: 'none' })
    open.reject(fault)
  }

  /** Turns everybody away, for ever. */
  async function stayFull(upstream: ScriptedDeployment, fault = full()): Promise<never> {
    for (;;) await turnAway(upstream, fault)
  }

  /** When, by the clock, and with what it ended. */
  function endingOf(answer: Promise<unknown>, clock: { ticksMs(): number }) {
    const ending: { atMs?: number; fault?: unknown } = {}
    void answer.then((fault) => {
      ending.atMs = clock.ticksMs()
      ending.fault = fault
    })
    return ending
  }

  test('ends so long after the call was first turned away, and what the upstream said is known', async () => {
    const upstream = scriptedDeployment()
    const { answer, clock, told, turnedAway } = route(upstream, { options })
    const startMs = clock.ticksMs()
    const ending = endingOf(answer, clock)
    void stayFull(upstream)
    await clock.advance(4_999)
    expect(ending.fault).toBeUndefined()
    await clock.advance(1)
    expect(ending).toMatchObject({ atMs: startMs + 5_000, fault: { turnedAway: 'full' } })
    expect(turnedAway.at(-1)?.message).toBe('of the upstream')
    expect(told.at(-1)).toBe('left the line')
    expect(clock.pending()).toBe(1)
  })

  test('goes on to the deadline where it only has no worker yet', async () => {
    const upstream = scriptedDeployment()
    const controller = new AbortController()
    const { answer, clock, turnedAway } = route(upstream, { options, signal: controller.signal })
    const ending = endingOf(answer, clock)
    void stayFull(upstream, cold)
    await clock.advance(599_000)
    expect(ending.fault).toBeUndefined()
    controller.abort(new Fault('deadline', { message: 'late' }))
    expect(await answer).toMatchObject({ kind: 'overloaded' })
    expect(turnedAway.at(-1)).toBe(cold)
  })

  test.each([
    ['not at all', 0, 0],
    ['two seconds', 2_000, 2_000],
    ['longer than is allowed', 60_000, 5_000],
  ])('is shorter where the client waits %s', async (_what, waitMaxMs, waitedMs) => {
    const upstream = scriptedDeployment()
    const { answer, clock } = route(upstream, { options, call: { waitMaxMs } })
    const startMs = clock.ticksMs()
    const ending = endingOf(answer, clock)
    void stayFull(upstream)
    await clock.advance(waitedMs)
    expect(ending).toMatchObject({ atMs: startMs + waitedMs, fault: { turnedAway: 'full' } })
  })

  test('is over at once where the upstream asks to be left alone for longer', async () => {
    const upstream = scriptedDeployment()
    const { answer, clock, askBehind } = route(upstream, { options })
    void turnAway(upstream, full(6_000))
    expect(await answer).toMatchObject({ kind: 'overloaded', retryAfterMs: 6_000 })
    await clock.advance(1)
    // And so it is for whoever comes meanwhile.
    expect(await askBehind({})).toMatchObject({ turnedAway: 'full', retryAfterMs: 5_999 })
    expect(upstream.opened).toHaveLength(1)
  })

  test('begins for those in line when another is turned away, and for others when they join', async () => {
    const upstream = scriptedDeployment()
    const { answer, clock, askBehind } = route(upstream, { options })
    const first = await upstream.nextOpen()
    const behind = endingOf(askBehind({}), clock)
    await clock.advance(1_000)
    const startMs = clock.ticksMs()
    first.context.onReleased({ how: 'ended', cancellation: 'none' })
    first.reject(full())
    void stayFull(upstream)
    await clock.advance(500)
    const joined = endingOf(askBehind({}), clock)
    await clock.advance(4_500)
    expect(await answer).toMatchObject({ turnedAway: 'full' })
    expect(behind).toMatchObject({ atMs: startMs + 5_000, fault: { turnedAway: 'full' } })
    expect(joined.fault).toBeUndefined()
    await clock.advance(500)
    expect(joined).toMatchObject({ atMs: startMs + 5_500, fault: { turnedAway: 'full' } })
  })

  test('ends with the next answer for those that were not turned away themselves', async () => {
    const upstream = scriptedDeployment()
    const { answer, clock, askBehind } = route(upstream, { options })
    await turnAway(upstream)
    await clock.advance(1)
    const behind = endingOf(askBehind({}), clock)
    await clock.advance(249)
    const again = await upstream.nextOpen()
    again.resolve(scriptedAnswer([first]))
    await answer
    await clock.advance(60_000)
    expect(behind.fault).toBeUndefined()
    again.context.onReleased({ how: 'ended', cancellation: 'none' })
    const next = await upstream.nextOpen()
    next.resolve(scriptedAnswer([first]))
    await clock.advance(1)
    expect(behind.fault).toMatchObject({ next: expect.any(Function) })
    expect(clock.pending()).toBe(0)
  })

  test.each([
    ['is busy with other calls', null],
    ['has no worker yet', cold],
  ])('is none for an upstream that was full long ago, and now %s', async (_what, turned) => {
    const upstream = scriptedDeployment()
    const { answer, clock, askBehind } = route(upstream, { options, call: { waitMaxMs: 0 } })
    await turnAway(upstream)
    expect(await answer).toMatchObject({ turnedAway: 'full' })
    await clock.advance(3_600_000)
    void askBehind({})
    const running = await upstream.nextOpen()
    if (turned !== null) {
      running.context.onReleased({ how: 'ended', cancellation: 'none' })
      running.reject(turned)
      await clock.advance(1)
    }
    const behind = endingOf(askBehind({}), clock)
    await clock.advance(60_000)
    expect(behind.fault).toBeUndefined()
    const again = turned === null ? running : await upstream.nextOpen()
    again.resolve(scriptedAnswer([first]))
    again.context.onReleased({ how: 'ended', cancellation: 'none' })
    ;(await upstream.nextOpen()).resolve(scriptedAnswer([first]))
    await clock.advance(1)
    expect(behind.fault).toMatchObject({ next: expect.any(Function) })
  })

  test('does not end a try that is on its way', async () => {
    const upstream = scriptedDeployment()
    const { answer, clock } = route(upstream, { options })
    await turnAway(upstream)
    await clock.advance(250)
    const again = await upstream.nextOpen()
    await clock.advance(60_000)
    again.resolve(scriptedAnswer([first]))
    expect(await ((await answer) as Answer).next()).toMatchObject({ kind: 'chunk' })
  })
})
