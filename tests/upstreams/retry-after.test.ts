// How an upstream's `Retry-After` is read, in seconds or as a date: never longer than a minute,
// and nothing where it makes no sense.
import { expect, test } from 'vitest'
import { readRetryAfter } from '#src/upstreams/exchange/retry-after.ts'

const nowMs = Date.parse('2026-11-21T12:00:00Z')

/* biome-ignore format: a table reads as a table */
test.each([
  ['1',                             1_000],
  ['0.25',                          250],
  ['59',                            59_000],
  ['60',                            60_000],
  ['61',                            60_000],
  ['999999999',                     60_000],
  ['Sat, 21 Nov 2026 12:00:05 GMT', 5_000],
  ['Sat, 21 Nov 2026 13:00:00 GMT', 60_000],
  ['Sat, 21 Nov 2026 12:00:00 GMT', null],
  ['Sat, 21 Nov 2020 12:00:00 GMT', null],
  ['0',                             null],
  ['-5',                            null],
  ['soon',                          null],
  ['undefined',                     null],
  ['',                              null],
  ['NaN',                           null],
  ['Infinity',                      null],
  ['1, 2',                          null],
])('Retry-After: %s is a pause of %j ms', (value, pauseMs) => {
  expect(readRetryAfter(value, nowMs)).toBe(pauseMs)
})
