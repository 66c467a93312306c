// The splicer against JSON.parse: whatever an object's text looks like, both see the same members.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseObject, spliceMembers, topLevelMembers } from '#src/wire/index.ts'
import { objectText } from '../support/json-texts.ts'

describe('topLevelMembers', () => {
  test('finds the members that JSON.parse sees, and their values to the byte', () => {
    fc.assert(
      fc.property(objectText, ({ text, members }) => {
        const found = topLevelMembers(text)
        expect(found.map(({ name }) => name)).toEqual(members.map(({ name }) => name))
        const values = found.map(({ valueStart, end }) => text.slice(valueStart, end))
        expect(values).toEqual(members.map(({ value }) => value))
        const heads = found.map(({ start, valueStart }) => text.slice(start, valueStart))
        for (const [at, head] of heads.entries()) {
          const name = head.slice(0, head.lastIndexOf(':')).trimEnd()
          expect(JSON.parse(name)).toBe(members[at]?.name)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('sees a member that is written with escapes under its real name', () => {
    const members = topLevelMembers('{"mod\\u0065l":"a","\\u0075ser":"b","plain":1}')
    expect(members.map(({ name }) => name)).toEqual(['model', 'user', 'plain'])
  })

  test('takes quotes, braces and commas inside strings for text', () => {
    const text = '{"a":"}\\",{\\\\","b\\"}":["]","\\\\\\"["],"c":1}'
    expect(topLevelMembers(text).map(({ name }) => name)).toEqual(['a', 'b"}', 'c'])
  })

  test('tells a member that is given twice twice', () => {
    const members = topLevelMembers('{"model":"a","model":"b"}')
    expect(members.map(({ name }) => name)).toEqual(['model', 'model'])
  })

  test('does not look into nested objects', () => {
    expect(topLevelMembers('{"a":{"model":1},"b":[{"model":2}]}')).toHaveLength(2)
  })
})

describe('spliceMembers', () => {
  test('without changes decodes equal and keeps every value as it was written', () => {
    fc.assert(
      fc.property(objectText, ({ text, members }) => {
        const spliced = spliceMembers(text, topLevelMembers(text), new Map())
        expect(JSON.parse(spliced)).toEqual(JSON.parse(text))
        for (const { value } of members) expect(spliced).toContain(value)
      }),
      { numRuns: 1000 },
    )
  })

  test('replaces, removes and adds exactly what is named', () => {
    const change = fc.constantFrom('"new"', '12345678901234567890', '{"a":[1]}', null)
    fc.assert(
      fc.property(objectText, fc.array(change), ({ text, members }, given) => {
        const named = members.slice(0, given.length).map(({ name }, at) => [name, given[at]])
        const changes = new Map<string, string | null>([
          ...(named as [string, string | null][]),
          ['added member', '"it is here"'],
          ['absent member', null],
        ])
        const spliced = spliceMembers(text, topLevelMembers(text), changes)
        expect(rawMembers(spliced)).toEqual(expected(members, changes))
        expect(() => JSON.parse(spliced)).not.toThrow()
      }),
      { numRuns: 1000 },
    )
  })

  test('keeps the order, and puts what is new at the end', () => {
    const text = ' {"z" : 1 , "model" : "a" , "a":[ 1, 2 ] } '
    const changes = new Map([
      ['new', 'true'],
      ['model', '"b"'],
    ])
    expect(spliceMembers(text, topLevelMembers(text), changes)).toBe(
      '{"z" : 1,"model" : "b","a":[ 1, 2 ],"new":true}',
    )
  })

  test('can empty an object, and fill an empty one', () => {
    expect(spliceMembers('{"a":1}', topLevelMembers('{"a":1}'), new Map([['a', null]]))).toBe('{}')
    expect(spliceMembers('{ }', topLevelMembers('{ }'), new Map([['a', '1']]))).toBe('{"a":1}')
  })
})

function rawMembers(text: string): Map<string, string> {
  const members = topLevelMembers(text)
  return new Map(members.map((one) => [one.name, text.slice(one.valueStart, one.end)]))
}

function expected(
  members: readonly { name: string; value: string }[],
  changes: ReadonlyMap<string, string | null>,
): Map<string, string> {
  const all = new Map(members.map(({ name, value }) => [name, value]))
  for (const [name, change] of changes) {
    if (change === null) all.delete(name)
    else all.set(name, change)
  }
  return all
}

describe('parseObject', () => {
  test.each(['', 'null', '[]', '"a"', '1', '{', '{"a":NaN}', '{"a":1,}', '\ufeff{}'])(
    'is null for %j',
    (text) => {
      expect(parseObject(text)).toBeNull()
    },
  )

  test('is the object where there is one', () => {
    expect(parseObject(' {"a":[1]} ')).toEqual({ a: [1] })
  })
})
