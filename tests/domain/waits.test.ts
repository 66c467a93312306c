// Waits and listeners that several rooms share.
import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { abortable, ListenerSet, WhenEmpty } from '#src/domain/index.ts'

describe('a wait that a signal ends', () => {
  function begun(controller = new AbortController()) {
    const { signal } = controller
    const wait = Promise.withResolvers<string>()
    let stops = 0
    const ended = abortable<string>(signal, (resolve, reject) => {
      Object.assign(wait, { resolve, reject })
      return () => {
        stops += 1
      }
    })
    return { controller, ended, wait, stops: () => stops, signal }
  }

  test('ends as it ends by itself', async () => {
    const good = begun()
    good.wait.resolve('good')
    expect(good.stops()).toBe(1)
    await expect(good.ended).resolves.toBe('good')
    const bad = begun()
    bad.wait.reject(new Error('bad'))
    expect(bad.stops()).toBe(1)
    await expect(bad.ended).rejects.toThrow('bad')
    expect(getEventListeners(good.signal, 'abort')).toEqual([])
    expect(getEventListeners(bad.signal, 'abort')).toEqual([])
  })

  test('is stopped at the moment of the abort, and rejects with its reason', async () => {
    const { controller, ended, wait, stops, signal } = begun()
    controller.abort('enough')
    expect(stops()).toBe(1)
    wait.resolve('too late')
    await expect(ended).rejects.toBe('enough')
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('does not begin to wait where the signal was aborted before', async () => {
    const controller = new AbortController()
    controller.abort('enough')
    const { ended, stops, signal } = begun(controller)
    expect(stops()).toBe(1)
    await expect(ended).rejects.toBe('enough')
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('listeners', () => {
  test('are told until they are disposed', () => {
    const told: string[] = []
    const set = new ListenerSet<[what: string, count: number]>()
    const first = set.add((what, count) => told.push(`first ${what} ${count}`))
    set.add((what) => told.push(`second ${what}`))
    set.tell('a', 1)
    first[Symbol.dispose]()
    set.tell('b', 2)
    set.clear()
    set.tell('c', 3)
    expect(told).toEqual(['first a 1', 'second a', 'second b'])
  })

  test('may leave, and add others, while they are told', () => {
    const told: string[] = []
    const set = new ListenerSet()
    const own = set.add(() => {
      told.push('once')
      own[Symbol.dispose]()
      set.add(() => told.push('added'))
    })
    set.tell()
    expect(told).toEqual(['once'])
    set.tell()
    expect(told).toEqual(['once', 'added'])
  })
})

test('whoever waits until nothing is left is told when the count has fallen to nothing', async () => {
  let count = 2
  const told: string[] = []
  const emptied = new WhenEmpty(() => count === 0)
  const waits = ['one', 'two'].map((name) => emptied.wait().then(() => told.push(name)))
  count = 1
  emptied.look()
  await Promise.resolve()
  expect(told).toEqual([])
  count = 0
  emptied.look()
  await Promise.all(waits)
  expect(told).toEqual(['one', 'two'])
  await emptied.wait()
  count = 1
  const later = emptied.wait().then(() => told.push('later'))
  count = 0
  emptied.look()
  await later
  expect(told).toEqual(['one', 'two', 'later'])
})
