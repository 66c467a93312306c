// The splicer against JSON.parse: whatever an object's text looks like, both see the same members.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseObject, spliceBytes, spliceMembers, topLevelMembers } from '#src/wire/index.ts'

const bigIntegers = ['12345678901234567890', '-9007199254740993', '1e400', '0.1000', '-0']

/** Odd, but allowed between any two tokens. */
const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/)

/** A string as JSON text, in which any character may be written as an escape. */
const quoted = fc
  .array(fc.tuple(fc.string({ unit: 'binary', maxLength: 3 }), fc.boolean()), { maxLength: 4 })
  .map((parts) => `"${parts.map(([text, asEscapes]) => written(text, asEscapes)).join('')}"`)

function written(text: string, asEscapes: boolean): string {
  if (!asEscapes) return JSON.stringify(text).slice(1, -1)
  const units = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index))
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}

const { value: jsonText } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom('null', 'true', 'false', '7', ...bigIntegers),
    quoted,
    listOf('[', ']', tie('value')),
    listOf('{', '}', fc.tuple(quoted, space, space, tie('value')).map(memberText)),
  ),
}))

function listOf(open: string, close: string, item: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const items = fc.array(fc.tuple(space, item, space), { maxLength: 3 })
  return items.map((all) => `${open}${all.map((parts) => parts.join('')).join(',')}${close}`)
}

function memberText([name, before, after, value]: [string, string, string, string]): string {
  return `${name}${before}:${after}${value}`
}

/** The text of an object without a member twice, and its members as they were written. */
const objectText = fc
  .uniqueArray(fc.tuple(quoted, space, space, jsonText), {
    selector: ([name]) => JSON.parse(name),
    maxLength: 6,
  })
  .chain((members) =>
    fc
      .tuple(space, space, fc.array(fc.tuple(space, space), { minLength: 6, maxLength: 6 }))
      .map(([head, tail, gaps]) => {
        const texts = members.map((member, at) => {
          const [before = '', after = ''] = gaps[at] ?? []
          return `${before}${memberText(member)}${after}`
        })
        // With no members there is still white space between the braces.
        const inside = texts.length === 0 ? head : texts.join(',')
        return {
          text: `${head}{${inside}}${tail}`,
          members: members.map(([name, , , value]) => ({ name: String(JSON.parse(name)), value })),
        }
      }),
  )

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

test('the bytes of an ASCII text are spliced as the text is', () => {
  const change = fc.constantFrom('"neü"', '[1]', null)
  fc.assert(
    fc.property(objectText, fc.dictionary(fc.string(), change), ({ text, members }, added) => {
      const ascii = text.replaceAll(/[\u0080-\uffff]/g, escapedCode)
      const found = topLevelMembers(ascii)
      const named = members.slice(0, 2).map(({ name }, at) => [name, at === 0 ? '0' : null])
      const changes = new Map([...Object.entries(added), ...(named as [string, string | null][])])
      const spliced = spliceBytes(Buffer.from(ascii), found, changes)
      expect(spliced.toString()).toBe(spliceMembers(ascii, found, changes))
    }),
    { numRuns: 1000 },
  )
})

function escapedCode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

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
