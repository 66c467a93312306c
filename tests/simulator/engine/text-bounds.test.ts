// Forms that ask for more than any context holds: the text ends somewhere, and soon.
import { expect, test } from 'vitest'
import { jsonFor } from '#src/simulator/engine/json-text.ts'
import { textMatching } from '#src/simulator/engine/pattern-text.ts'
import { chanceFrom } from '#src/simulator/engine/random.ts'

function made(schema: object): unknown {
  return JSON.parse(jsonFor(schema, chanceFrom(1)))
}

test('repetitions of repetitions of a pattern end somewhere', () => {
  const text = textMatching('(((a{32}){32}){32}){32}', chanceFrom(1))
  expect(text).toMatch(/^a+$/)
  expect(text.length).toBeLessThan(20_000)
})

test('lists of lists end somewhere', () => {
  const list = (items: object) => ({ type: 'array', minItems: 64, maxItems: 64, items })
  const text = JSON.stringify(made(list(list(list({ type: 'null' })))))
  expect(text.match(/null/g)?.length).toBeLessThan(10_001)
})

test('objects of many required members of their own kind end somewhere', () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const properties = Object.fromEntries(names.map((name) => [name, { $ref: '#' }]))
  const text = JSON.stringify(made({ type: 'object', properties, required: names }))
  expect(text.length).toBeLessThan(200_000)
})

test('a text has no more than a hundred thousand characters', () => {
  expect(String(made({ type: 'string', minLength: 4e12 }))).toHaveLength(100_000)
})

test('a list has as many items as its bounds say', () => {
  const list = (bounds: object) => made({ type: 'array', items: { type: 'null' }, ...bounds })
  expect(list({ maxItems: 0 })).toEqual([])
  expect(list({ minItems: 100, maxItems: 100 })).toHaveLength(100)
})
