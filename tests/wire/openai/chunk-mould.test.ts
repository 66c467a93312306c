// Which chunks are taken to repeat another one, and what is read in those that do.
import { describe, expect, test } from 'vitest'
import { type Mould, mouldOf } from '#src/wire/index.ts'

const chunk = (content: string, prompt = '9', completion = '1', total = '10') =>
  `{"id":"a","choices":[{"index":0,"delta":{"content":"${content}"},"finish_reason":null}],` +
  `"usage":{"prompt_tokens":${prompt},"total_tokens":${total},"completion_tokens":${completion}}}`

/** The event of a chunk, and what a mould makes of it. */
const event = (text: string) => Buffer.from(`data: ${text}\n\n`)
const castIn = (mould: Mould | null, text: string) => mould?.cast(event(text), 0) ?? null
const cast = (text: string) => castIn(mouldOf(chunk('one')), text)

describe('a chunk that differs in nothing but content and counts', () => {
  test('repeats the other, and its value is its own', () => {
    const text = chunk('two', '9', '12', '21')
    const repeated = cast(text)
    expect(repeated).toMatchObject({ kind: 'chunk', text, content: 'two', completionTokens: 12 })
    expect(repeated?.value).toEqual(JSON.parse(text))
    expect(text.slice(repeated?.contentAt).startsWith('two')).toBe(true)
  })

  test('is found among others, wherever it begins', () => {
    const events = ['é', 'two', '世界'].map((content) => event(chunk(content)))
    const bytes = Buffer.concat(events)
    const mould = mouldOf(chunk('one'))
    let at = 0
    const contents: string[] = []
    for (let one = mould?.cast(bytes, at); one; one = mould?.cast(bytes, at)) {
      contents.push(one.content)
      expect(one.text).toBe(chunk(one.content))
      at += one.size
    }
    expect(contents).toEqual(['é', 'two', '世界'])
    expect(at).toBe(bytes.length)
  })

  test.each([
    ['no line end', (text: string) => `data: ${text}`],
    ['one line end', (text: string) => `data: ${text}\n`],
    ['other line ends', (text: string) => `data: ${text}\r\n\r\n`],
    ['no space', (text: string) => `data:${text}\n\n`],
    ['half of it', (text: string) => `data: ${text}\n\n`.slice(0, 60)],
  ])('is no event with %s', (_what, framed) => {
    expect(mouldOf(chunk('one'))?.cast(Buffer.from(framed(chunk('two'))), 0) ?? null).toBeNull()
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['nothing',             ''],
    ['other scripts',       'é 世界 🚀'],
    ['a short escape',      'a\\n\\"b\\"\\\\ \\/\\t'],
    ['as much as may be',   'x'.repeat(255)],
    ['a line separator',    '\u2028'],
  ])('may say %s', (_what, content) => {
    expect(() => JSON.parse(chunk(content))).not.toThrow()
    expect(cast(chunk(content))?.content).toBe(content)
  })

  test.each(['0', '1', '999999999'])('may count %s', (count) => {
    expect(cast(chunk('one', '9', count, count))?.completionTokens).toBe(Number(count))
  })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['another prompt',            chunk('two', '10')],
  ['another finish',            chunk('two').replace('null', '"stop"')],
  ['another id',                chunk('two').replace('"a"', '"b"')],
  ['a space more',              `${chunk('two')} `],
  ['a member more in front',    chunk('two').replace('{', '{"error":1,')],
  ['a member more inside',      chunk('two","content":"three')],
  ['a member more at the end',  chunk('two', '9', '1,"x":2')],
  ['the end missing',           chunk('two').slice(0, -1)],
  ['the content open',          chunk('two').slice(0, chunk('two').indexOf('two') + 2)],
  ['more than may be said',     chunk('x'.repeat(256))],
  ['a character by number',     chunk('\\u00e9')],
  ['an escape that is none',    chunk('\\x')],
  ['its quote escaped',         chunk('two\\')],
  ['a tab in its content',      chunk('a\tb')],
  ['a line end in its content', chunk('a\nb')],
  ['a count with a zero before', chunk('two', '9', '01')],
  ['a count below zero',        chunk('two', '9', '-1')],
  ['a count in parts',          chunk('two', '9', '1.5')],
  ['a count in thousands',      chunk('two', '9', '1e3')],
  ['a count beyond all',        chunk('two', '9', '1000000000')],
  ['no count',                  chunk('two', '9', '')],
])('a chunk with %s does not', (_what, text) => {
  expect(cast(text)).toBeNull()
})

describe('what is read', () => {
  const choices = (choice: string) => `{"choices":[{${choice}}],"n":1}`

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['of a completion',        choices('"text":"@"')],
    ['of a chat',              choices('"delta":{"role":"assistant","content":"@","reasoning":null}')],
    ['of reasoning',           choices('"delta":{"content":null,"reasoning_content":"@"}')],
    ['of reasoning, as it is', choices('"delta":{"reasoning":"@"}')],
    ['of a tool',              choices('"delta":{"tool_calls":[{"function":{"arguments":"@"}}]}')],
    ['of a member given twice', choices('"delta":{"content":"x"},"delta":{"content":"x","content":"@"}')],
  ])('is the content %s', (_what, text) => {
    const mould = mouldOf(text.replace('@', 'one'))
    expect(castIn(mould, text.replace('@', 'two'))).toMatchObject({ content: 'two' })
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['is the last',             '"usage":{"completion_tokens":7},"usage":{"completion_tokens":@}'],
    ['is the last of the last', '"usage":{"completion_tokens":7,"completion_tokens":@}'],
    ['is not the sum',          '"usage":{"completion_tokens":@,"total_tokens":8}'],
  ])('the count %s', (_what, usage) => {
    const text = `{"choices":[{"text":"x"}],${usage}}`
    const mould = mouldOf(text.replace('@', '1'))
    expect(castIn(mould, text.replace('@', '2'))?.completionTokens).toBe(2)
  })

  test('is no count that stands before the content', () => {
    const text = '{"usage":{"completion_tokens":1},"choices":[{"text":"x"}]}'
    expect(castIn(mouldOf(text), text)?.completionTokens).toBeNull()
    expect(castIn(mouldOf(text), text.replace('1', '2'))).toBeNull()
  })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['no choice',              '{"choices":[]}'],
  ['no choices',             '{"id":"a"}'],
  ['nothing to say',         '{"choices":[{"delta":{}}]}'],
  ['content that is no text', '{"choices":[{"delta":{"content":["a"]}}]}'],
  ['a great deal',           `{"choices":[{"text":"a"}],"x":"${'x'.repeat(4096)}"}`],
])('no other repeats a chunk with %s', (_what, text) => {
  expect(mouldOf(text)).toBeNull()
})
