// The list of running calls: whoever leaves takes nobody else out of it.
import { expect, test } from 'vitest'
import { Fault } from '#src/domain/index.ts'
import { createLiveCalls } from '#src/http/live-calls.ts'
import type { ClientEnd } from '#src/relay/index.ts'
import { chatCall } from '../support/chat-call.ts'

const fault = new Fault('draining', { message: 'm' })

function someCalls(names: readonly string[]) {
  const calls = createLiveCalls()
  const abandoned: string[] = []
  const { key } = chatCall({})
  const live = names.map((name) => {
    const client: Pick<ClientEnd, 'abandon'> = { abandon: () => void abandoned.push(name) }
    // Of a client's end, the list only knows how to abandon it.
    return calls.add(client as ClientEnd, { ...key, id: name })
  })
  return { calls, live, abandoned }
}

test('each call is taken out alone, in any order, and once', () => {
  const { calls, live, abandoned } = someCalls(['a', 'b', 'c', 'd', 'e'])
  for (const at of [1, 4, 1, 0]) {
    const call = live[at]
    if (call !== undefined) calls.remove(call)
  }
  expect(calls.count()).toBe(2)
  calls.abandonAll(fault)
  expect(abandoned.toSorted()).toEqual(['c', 'd'])
})

test('only the calls of keys that are over are abandoned', () => {
  const { calls, abandoned } = someCalls(['a', 'b', 'a'])
  calls.abandonWhere(
    ({ id }) => id === 'a',
    () => fault,
  )
  // Keys are told apart as the objects that they are.
  expect(abandoned).toEqual(['a', 'a'])
})

test('whoever waits for the end hears of it when the last call has left', async () => {
  const { calls, live } = someCalls(['a', 'b'])
  const over = calls.whenNone().then(() => calls.count())
  for (const call of live) calls.remove(call)
  expect(await over).toBe(0)
})
