// Large bodies are read in turns, one after another; what is small never waits for them.
import { expect, test } from 'vitest'
import { LargeBodies } from '#src/http/large-bodies.ts'
import type { Pieces } from '#src/wire/index.ts'
import { chatSurface } from '../support/chat-call.ts'

function createScene() {
  let nowMs = 0
  const events: string[] = []
  const bodies = new LargeBodies({ ticksMs: () => nowMs })
  /** Each piece takes 3 ms of the 5 that a turn may have. */
  function* large(name: string, pieces: number, cause?: Error): Pieces<string> {
    yield
    for (let piece = 1; piece <= pieces; piece += 1) {
      events.push(`${name}${piece}`)
      nowMs += 3
      yield
    }
    if (cause) throw cause
    return name
  }
  /** What happens in each turn of the event loop until the work is over. */
  async function turnsUntil(over: Promise<unknown>): Promise<void> {
    let isOver = false
    const end = () => {
      isOver = true
    }
    over.then(end, end)
    while (!isOver) {
      await new Promise(setImmediate)
      events.push('|')
    }
  }
  const told = () => events.join(' ').replace(/[ |]+$/, '')
  return { bodies, large, turnsUntil, told }
}

test('others have their turns while a large body is read', async () => {
  const { bodies, large, turnsUntil, told } = createScene()
  const reading = Promise.resolve(bodies.read(large('a', 6)))
  await turnsUntil(reading)
  expect(await reading).toBe('a')
  expect(told()).toBe('a1 a2 | a3 a4 | a5 a6')
})

test('one large body is read at a time, and one that is refused holds up nobody', async () => {
  const { bodies, large, turnsUntil, told } = createScene()
  const refused = Promise.resolve(bodies.read(large('a', 2, new Error('no'))))
  const reading = Promise.resolve(bodies.read(large('b', 2)))
  await turnsUntil(Promise.allSettled([refused, reading]))
  await expect(refused).rejects.toThrow('no')
  expect(await reading).toBe('b')
  expect(told().replaceAll('| ', '')).toBe('a1 a2 b1 b2')
})

test('a small body is read at once, however many large ones wait', async () => {
  const { bodies, large } = createScene()
  const waiting = [bodies.read(large('a', 2)), bodies.read(large('b', 2))]
  const body = Buffer.from('{"model":"m","messages":[{"role":"user","content":"hi"}]}')
  expect(bodies.read(chatSurface().read(body))).toMatchObject({ modelId: 'm' })
  await Promise.all(waiting)
})

test('nothing is made of a large body before its turn', () => {
  const content = 'x'.repeat(70_000)
  const text = JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] })
  // It is no JSON, and not even that is found out.
  const pieces = chatSurface().read(Buffer.from(text.slice(1)))
  expect(pieces.next()).toEqual({ done: false, value: undefined })
})

test('a large body takes pieces of 64 KB, within arrays and between members', () => {
  const content = 'x'.repeat(1_000)
  const messages = Array.from({ length: 1_000 }, () => ({ role: 'user', content }))
  const pieces = chatSurface().read(Buffer.from(JSON.stringify({ model: 'm', messages })))
  expect([...pieces].length).toBeGreaterThan(14)
})
