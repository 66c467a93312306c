// Options that the simulator refuses: unknown settings, names that no endpoint can have, and
// lengths of time that no trace is stretched to.
import { expect, test } from 'vitest'
import { daysNumber } from '#src/cli/simulate-options.ts'
import { simulatorOptions } from '#src/simulator/index.ts'

test.each([
  ['of an endpoint', { endpoints: { one: { model: 'm', contexTokens: 5 } } }],
  ['of its workers', { endpoints: { one: { model: 'm', fleet: { idleTimeout: 5 } } } }],
  ['of its engine', { endpoints: { one: { model: 'm', engine: { kvToken: 5 } } } }],
  ['of a span of time', { takeTime: { medianMs: 1, leastMs: 0, mostMs: 9, meanMs: 2 } }],
])('a setting %s that is not known is a mistake', (_, options) => {
  expect(simulatorOptions.safeParse(options).success).toBe(false)
})

test.each(['a/b', 'a b', '', 'serverless', 'billing', 'catalog', 'provider'])(
  'no endpoint can be called “%s”',
  (id) => {
    expect(simulatorOptions.safeParse({ endpoints: { [id]: { model: 'm' } } }).success).toBe(false)
  },
)

test.each(['0', '-2', '1e9', 'many'])('a trace is not stretched over %s days', (days) => {
  expect(() => daysNumber(days)).toThrow()
})

test('a trace is stretched over a part of a day or over years', () => {
  expect([daysNumber('0.5'), daysNumber('3660')]).toEqual([0.5, 3660])
})
