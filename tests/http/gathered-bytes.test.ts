// A body's pieces become the body, whether its length was told or not.
import { expect, test } from 'vitest'
import { GatheredBytes } from '#src/http/gathered-bytes.ts'

const pieces = ['one', ' and ', 'zwölf'].map((text) => Buffer.from(text))
const all = Buffer.concat(pieces)

test.each([
  ['told', all.length, pieces],
  ['not told', null, pieces],
  ['told, in one piece', all.length, [all]],
  ['not told, in one piece', null, [all]],
  ['told, and of nothing', 0, []],
])('a length that was %s', (_, declared, given) => {
  const gathered = new GatheredBytes(declared)
  for (const piece of given) gathered.add(piece)
  expect(gathered.whole().toString()).toBe(given.map((piece) => piece.toString()).join(''))
})
