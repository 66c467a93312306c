// What a refused value is told: something that is true of it.
import { expect, test } from 'vitest'
import { integer } from '#src/surfaces/rules.ts'

/* biome-ignore format: a table reads as a table */
test.each([
  [integer('a', 1),     0,        'an integer of at least 1'],
  [integer('a', 1),     1.5,      'an integer of at least 1'],
  [integer('a', 1),     '5',      'an integer of at least 1'],
  [integer('a', 1),     1e20,     'an integer of at most 9007199254740991'],
  [integer('a', 1),     Infinity, 'an integer of at most 9007199254740991'],
  [integer('a', 1, 20), 0,        'an integer between 1 and 20'],
  [integer('a', 1, 20), 21,       'an integer between 1 and 20'],
  [integer('a', 1, 20), 1e20,     'an integer between 1 and 20'],
])('of %o, %o is told to be %s', (rule, value, expected) => {
  expect(rule.passes(value)).toBe(false)
  expect(rule.expectedFor?.(value) ?? rule.expected).toBe(expected)
})
