// Any JSON, written in any way that JSON allows: for what reads text without parsing it.
import fc from 'fast-check'

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

export const { value: jsonText } = fc.letrec<{ value: string }>((tie) => ({
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
export const objectText = fc
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
