// The rate of tokens that the meter tells when somebody looks: each second, twice in a moment, or
// after a long time.
import { expect, test } from 'vitest'
import { openTokenMeter } from '#src/simulator/control/token-meter.ts'

test('the rate is that of the last seconds of looking', () => {
  const meter = openTokenMeter()
  const rates = [0, 1000, 2000, 3000, 4000].map((ms) => meter.perSecond(ms, ms / 10))
  expect(rates).toEqual([0, 100, 100, 100, 100])
  expect([9500, 10_500].map((ms) => meter.perSecond(ms, 400))).toEqual([0, 0])
})

test('a look long after the last one tells the mean since then', () => {
  const meter = openTokenMeter()
  meter.perSecond(0, 0)
  expect(meter.perSecond(100_000, 5000)).toBe(50)
})

test('looks in quick succession do not jump about', () => {
  const meter = openTokenMeter()
  meter.perSecond(0, 0)
  meter.perSecond(1000, 100)
  expect([meter.perSecond(1001, 100), meter.perSecond(1002, 101)]).toEqual([99.9, 100.8])
})
