// How deep a body may nest that takes a closer look: to the bracket.
import { expect, test } from 'vitest'
import { readBody } from '#src/surfaces/read-body.ts'

/** In a string brackets are none, but so many of them make a body worth a look. */
const brackets = `"pad":"${'['.repeat(40_000)}"`
/** Such a body is read once more, by hand. */
const backslash = '"a\\\\b":0'

test.each([
  ['with many brackets', 256, brackets, null],
  ['with many brackets', 257, brackets, 'The body nests too deeply.'],
  ['with a backslash in a name', 256, backslash, null],
  ['with a backslash in a name', 257, backslash, 'The body nests too deeply.'],
  ['with neither', 5_000, '"pad":0', null],
])('a body %s that is %i deep', (_what, depth, pad, refused) => {
  const [open, close] = ['[', ']'].map((bracket) => bracket.repeat(depth - 1))
  const read = () => readBody(Buffer.from(`{${pad},"a":${open}${close}}`))
  if (refused === null) expect(read().value).toHaveProperty('a')
  else expect(read).toThrow(refused)
})
