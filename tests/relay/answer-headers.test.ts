// When to try again, and how times are written.
import { describe, expect, test } from 'vitest'
import { Fault, type FaultName, faultKinds } from '#src/domain/index.ts'
import { goDuration } from '#src/relay/answer-headers.ts'
import { faultHeaders } from '#src/relay/index.ts'

function headersFor(kind: FaultName, retryAfterMs: number | null = null) {
  return faultHeaders(new Fault(kind, { message: 'm', retryAfterMs }), null)
}

/* biome-ignore format: a table reads as a table */
test.each([
  [null,     '1',  '1000',  undefined],
  [0,        '1',  '1000',  '0'],
  [1,        '1',  '1000',  '1'],
  [999,      '1',  '1000',  '999'],
  [1000,     '1',  '1000',  '1000'],
  [1001,     '2',  '1001',  '1001'],
  [30_500,   '31', '30500', '30500'],
  [60_000,   '60', '60000', '60000'],
  [94_000,   '60', '60000', '94000'],
])('an estimate of %j ms is a hint of %s s, and is told as it is', (etaMs, seconds, ms, eta) => {
  const headers = headersFor('overloaded', etaMs)
  expect(headers['retry-after']).toBe(seconds)
  expect(headers['retry-after-ms']).toBe(ms)
  expect(headers['x-podgate-eta-ms']).toBe(eta)
  expect(headers).not.toHaveProperty('x-should-retry')
})

describe.each(Object.keys(faultKinds) as FaultName[])('the headers of %s', (kind) => {
  const { retry } = faultKinds[kind]

  test(retry === 'no' ? 'say that a retry cannot help' : 'say when to come back', () => {
    const headers = headersFor(kind, 2000)
    expect(headers['x-should-retry']).toBe(retry === 'no' ? 'false' : undefined)
    expect(headers['retry-after']).toBe(retry === 'no' ? undefined : '2')
  })
})

test('a gateway that stops closes the connection', () => {
  expect(headersFor('draining').connection).toBe('close')
  expect(headersFor('overloaded')).not.toHaveProperty('connection')
})

/* biome-ignore format: a table reads as a table */
test.each([
  [0, '0ms'], [0.2, '1ms'], [12, '12ms'], [999, '999ms'], [1000, '1s'], [1500, '1.5s'],
  [59_999, '59.999s'], [60_000, '1m0s'], [61_500, '1m1.5s'], [360_000, '6m0s'],
])('%d ms is written %s', (ms, text) => {
  expect(goDuration(ms)).toBe(text)
})
