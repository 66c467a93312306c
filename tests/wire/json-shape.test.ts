// What is told about a JSON text without parsing it, compared with what parsing tells.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { firstExcess, type JsonBounds, mayExceed } from '#src/wire/index.ts'

const none: JsonBounds = {
  depth: 1e9,
  containers: 1e9,
  names: 1e9,
  values: 1e9,
  strings: 1e9,
  digits: 1e9,
}

/* biome-ignore format: a table reads as a table */
test.each<[string, keyof JsonBounds, number]>([
  ['{}', 'depth', 1], ['[]', 'depth', 1], ['1', 'depth', 0], ['', 'depth', 0], ['[[],[],{}]', 'depth', 2], ['{"a":{"b":[1,{"c":2}]}}', 'depth', 4],
  ['"[[[{{{"', 'depth', 0], ['{"[":"]","\\"{":"\\\\"}', 'depth', 1], ['["\\\\",["]"]]', 'depth', 2], ['[[[', 'depth', 3], [']]]', 'depth', 0], ['["[[[', 'depth', 1],
  [`["${'a'.repeat(40)}\\"[[",[]]`, 'depth', 2], [`["${'\\\\'.repeat(40)}",[]]`, 'depth', 2], [`["${'a'.repeat(40)}`, 'depth', 1],
  ['[[],[],{}]', 'containers', 4], ['"{[', 'containers', 0],
  ['{"a":{"b":1},"c":[{"d":2}]}', 'names', 4], ['{"a:b":":::"}', 'names', 1],
  ['[1,2,3]', 'values', 3], ['{"a":[1,"x,,,"]}', 'values', 3], ['[[],[]]', 'values', 4],
  ['{"a":"b","c":["d","\\"e"]}', 'strings', 5],
  ['[12,3456,"7777777"]', 'digits', 4], ['-1.234e56', 'digits', 3],
])('%s: %s %i', (text, what, count) => {
  const bytes = Buffer.from(text)
  expect(firstExcess(bytes, { ...none, [what]: count })).toBeNull()
  if (count > 0) expect(firstExcess(bytes, { ...none, [what]: count - 1 })?.what).toBe(what)
})

/* biome-ignore format: a table reads as a table */
test.each<[string, string | null]>([
  ['{"a":[],"b":["c",[]]}', 'b'], ['{"a":"x","é\\n":{"c":{}}}', 'é\\n'], ['[[[', null], ['{"a":{"b":1},"c":{"d":[]}}', 'c'],
])('in %s the bound is passed in the member %s', (text, member) => {
  expect(firstExcess(Buffer.from(text), { ...none, depth: 2 })).toEqual({ what: 'depth', member })
})

test('any JSON has as much of each as its parsed value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.boolean(), (value, isWide) => {
      const bytes = Buffer.from(JSON.stringify(value, null, isWide ? 1 : 0))
      for (const [what, count] of Object.entries(countsOf(value))) {
        expect(firstExcess(bytes, { ...none, [what]: count })).toBeNull()
        if (count === 0) continue
        expect(firstExcess(bytes, { ...none, [what]: count - 1 })).toMatchObject({ what })
      }
    }),
  )
})

test('what passes a bound is always looked at closely', () => {
  const few = fc.integer({ min: 1, max: 6 })
  const bounds = fc.record({
    depth: few,
    containers: few,
    names: few,
    // Above the others, as in a body.
    values: few.map((more) => 6 + more),
    strings: few,
    digits: few,
  })
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), bounds, (value, max) => {
      const text = JSON.stringify(value)
      if (firstExcess(Buffer.from(text), max) !== null) expect(mayExceed(text, max)).toBe(true)
    }),
    { numRuns: 1000 },
  )
})

/* biome-ignore format: a table reads as a table */
test.each<[string, Partial<JsonBounds>, boolean]>([
  ['{"a":[1]}', { depth: 2 }, false], ['{"a":"[{"}', { depth: 2 }, true], ['{"a":1,"b":2}', { names: 2 }, false], ['["a:b:c:d:::::::::"]', { names: 2 }, true],
  ['[1,2,3,4]', { values: 5, depth: 1, names: 3 }, false], ['[1,2,3,4,5,6]', { values: 5, depth: 1, names: 3 }, true], ['["a","b"]', { strings: 4 }, false], ['[12345678]', { digits: 8 }, false], ['["12345678"]', { digits: 7 }, true],
  ['[1234 5678]', { digits: 4 }, false],
])('%s may exceed %j: %s', (text, max, isMore) => {
  expect(mayExceed(text, { ...none, ...max })).toBe(isMore)
})

/** Counted as the product does: an empty list counts as a value twice, the outermost as one. */
function countsOf(value: unknown): Omit<JsonBounds, 'digits'> {
  if (typeof value === 'string') return { ...nothing, strings: 1 }
  if (typeof value !== 'object' || value === null) return nothing
  const held = Object.values(value)
  const names = Array.isArray(value) ? 0 : held.length
  const own = { depth: 0, containers: 1, names, values: Math.max(1, held.length), strings: names }
  const inside = held.map(countsOf)
  const sum = (what: 'containers' | 'names' | 'values' | 'strings') =>
    inside.reduce((total, one) => total + one[what], own[what])
  return {
    depth: 1 + Math.max(0, ...inside.map(({ depth }) => depth)),
    containers: sum('containers'),
    names: sum('names'),
    values: sum('values'),
    strings: sum('strings'),
  }
}

const nothing = { depth: 0, containers: 0, names: 0, values: 0, strings: 0 }
