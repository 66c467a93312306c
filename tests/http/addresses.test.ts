// How addresses are told apart and counted, on a clock that only goes forward.
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '#src/domain/index.ts'
import { addressOf, countsOn } from '#src/http/addresses.ts'
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts'
import { goodAnswer, startUpstream } from '../support/scripted-upstream.ts'
import { adminKey, startTestGateway } from '../support/test-gateway.ts'

/* biome-ignore format: a table reads as a table */
test.each([
  ['1.2.3.4',            '1.2.3.4'],
  ['1.2.3.4:5555',       '1.2.3.4'],
  ['::1',                '::1'],
  ['[::1]',              '::1'],
  ['[2001:db8::1]:80',   '2001:db8::1'],
  ['2001:db8::1:80',     '2001:db8::1:80'],
  ['::ffff:1.2.3.4',     '::ffff:1.2.3.4'],
  ['999.1.1.1',          null],
  ['1.2.3.4:',           null],
  ['[::1',               null],
  ['[1.2.3.4',           null],
  ['unknown',            null],
  ['',                   null],
])('%j is the address %j', (ip, address) => {
  expect(addressOf({ ip })).toBe(address)
})

const windowMs = 60_000

function open(clock: FakeClock, countsMax = 10) {
  const counts = new (countsOn(clock, countsMax))({})
  return (address: string) => {
    let counted: object | undefined
    counts.incr(address, (_error, result) => (counted = result), windowMs, 3)
    return counted
  }
}

test('a window begins with the first try and ends after its time', async () => {
  const clock = createFakeClock()
  const count = open(clock)
  expect(count('a')).toEqual({ current: 1, ttl: windowMs })
  await clock.advance(20_000.5)
  expect(count('a')).toEqual({ current: 2, ttl: 40_000 })
  expect(count('b')).toEqual({ current: 1, ttl: windowMs })
  await clock.advance(40_000)
  expect(count('a')).toEqual({ current: 1, ttl: windowMs })
  expect(count('b')).toEqual({ current: 2, ttl: 20_000 })
})

test('whoever was seen longest ago is forgotten for a new one', () => {
  const count = open(createFakeClock(), 2)
  for (const address of ['a', 'b', 'a', 'c']) count(address)
  expect(count('a')).toMatchObject({ current: 3 })
  expect(count('b')).toMatchObject({ current: 1 })
})

test('a blocked address waits for a minute of this process, not of the wall', async () => {
  const upstream = await startUpstream(goodAnswer)
  onTestFinished(() => upstream[Symbol.asyncDispose]())
  let skippedMs = 0
  const clock = { ...systemClock, ticksMs: () => systemClock.ticksMs() + skippedMs }
  const config = { http: { failuresPerMinute: 1, adminPerMinute: 1 } }
  const gateway = await startTestGateway({ baseUrl: upstream.url, clock, config })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  const statuses = async () => [
    (await gateway.get('/v1/models', 'a-wrong-key-0123456789')).status,
    (await gateway.get('/admin/keys', adminKey)).status,
  ]
  expect(await statuses()).toEqual([401, 200])
  expect(await statuses()).toEqual([429, 429])
  skippedMs = windowMs
  expect(await statuses()).toEqual([401, 200])
})
