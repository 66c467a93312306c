// What is known of an endpoint that scales to zero, on a clock that stands still.
import { describe, expect, test } from 'vitest'
import { createWarmth } from '#src/upstreams/runpod/warmth.ts'
import { createFakeClock } from '../support/fake-clock.ts'

const slots = 8
const warmForMs = 60_000

function createEndpoint() {
  const clock = createFakeClock()
  const warmth = createWarmth({ slots: () => slots, warmForMs: () => warmForMs, clock })
  let changes = 0
  const listening = warmth.onChange(() => {
    changes += 1
  })
  return { clock, warmth, listening, changes: () => changes }
}

describe('an endpoint', () => {
  test('is cold at first, with a place for the one call that wakes it', () => {
    const { warmth } = createEndpoint()
    expect(warmth.readiness()).toEqual({ state: 'cold', etaMs: null })
    expect(warmth.capacity()).toBe(1)
  })

  test('is warming while that call waits, still with one place', () => {
    const { warmth, changes } = createEndpoint()
    warmth.begin()
    expect(warmth.readiness()).toMatchObject({ state: 'warming' })
    expect(warmth.capacity()).toBe(1)
    expect(changes()).toBe(0)
  })

  test('is warm as soon as it answers, and says so: the herd may come in', () => {
    const { warmth, changes } = createEndpoint()
    warmth.begin().awake()
    expect(warmth.readiness()).toEqual({ state: 'warm' })
    expect(warmth.capacity()).toBe(slots)
    expect(changes()).toBe(1)
  })

  test('does not say it again while it is warm', () => {
    const { warmth, changes } = createEndpoint()
    warmth.begin().awake()
    const second = warmth.begin()
    second.awake()
    second.ended()
    expect(changes()).toBe(1)
  })

  test('is cold again when the call that was to wake it failed', () => {
    const { warmth, changes } = createEndpoint()
    warmth.begin().ended()
    expect(warmth.readiness()).toEqual({ state: 'cold', etaMs: null })
    expect(warmth.capacity()).toBe(1)
    expect(changes()).toBe(0)
  })

  test('stays warm through an answer that takes for ever', async () => {
    const { clock, warmth } = createEndpoint()
    const one = warmth.begin()
    one.awake()
    await clock.advance(10 * warmForMs)
    expect(warmth.capacity()).toBe(slots)
    one.ended()
    expect(warmth.readiness()).toEqual({ state: 'warm' })
  })

  test('is warm for a while after its last answer, to the millisecond', async () => {
    const { clock, warmth } = createEndpoint()
    const one = warmth.begin()
    const two = warmth.begin()
    one.awake()
    two.awake()
    one.ended()
    await clock.advance(warmForMs)
    two.ended()
    await clock.advance(warmForMs - 1)
    expect(warmth.readiness()).toEqual({ state: 'warm' })
    await clock.advance(1)
    expect(warmth.readiness()).toEqual({ state: 'cold', etaMs: null })
    expect(warmth.capacity()).toBe(1)
  })

  test('says that it is warm each time that it wakes', async () => {
    const { clock, warmth, changes } = createEndpoint()
    for (let n = 1; n <= 3; n += 1) {
      const one = warmth.begin()
      one.awake()
      one.ended()
      expect(changes()).toBe(n)
      await clock.advance(warmForMs)
      expect(warmth.capacity()).toBe(1)
    }
  })

  test('tells nobody who no longer listens', () => {
    const { warmth, listening, changes } = createEndpoint()
    listening[Symbol.dispose]()
    warmth.begin().awake()
    expect(changes()).toBe(0)
  })
})
