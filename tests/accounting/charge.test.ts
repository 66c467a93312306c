// What a call costs in nano-dollars, from its tokens and the prices of its model.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { chargeFor } from '#src/accounting/index.ts'
import type { Usage } from '#src/domain/index.ts'

const mixtral = { promptNanoUsd: 2000, completionNanoUsd: 6000, cachedNanoUsd: 500 }
const free = { promptNanoUsd: 0, completionNanoUsd: 0, cachedNanoUsd: 0 }

function usage(promptTokens: number, completionTokens: number, cachedTokens = 0): Usage {
  return { promptTokens, completionTokens, cachedTokens, source: 'reported' }
}

/* biome-ignore format: a table reads as a table */
test.each([
  ['nothing',                            usage(0, 0),                     mixtral,             0],
  ['a prompt only',                      usage(1, 0),                     mixtral,         2_000],
  ['an answer only',                     usage(0, 1),                     mixtral,         6_000],
  ['both',                               usage(100, 40),                  mixtral,       440_000],
  ['a prompt partly from the cache',     usage(100, 40, 30),              mixtral,       395_000],
  ['a prompt wholly from the cache',     usage(100, 0, 100),              mixtral,        50_000],
  ['more cached than there was prompt',  usage(10, 0, 99),                mixtral,         5_000],
  ['a million of each, in whole dollars', usage(1_000_000, 1_000_000),    mixtral, 8_000_000_000],
  ['a free model',                       usage(5000, 5000, 100),          free,                0],
])('charges for %s', (_what, used, prices, expected) => {
  expect(chargeFor(used, prices)).toBe(expected)
})

test('a charge is a whole number, and more tokens never cost less', () => {
  const tokens = fc.nat(1_000_000)
  fc.assert(
    fc.property(tokens, tokens, tokens, (prompt, completion, cached) => {
      const charge = chargeFor(usage(prompt, completion, cached), mixtral)
      expect(Number.isSafeInteger(charge)).toBe(true)
      expect(charge).toBeGreaterThanOrEqual(0)
      const more = chargeFor(usage(prompt + 1, completion + 1, cached), mixtral)
      expect(more).toBeGreaterThan(charge)
    }),
  )
})
