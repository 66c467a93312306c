// Tables fit the terminal: long names are cut, numbers and ids never. No control character of a
// name reaches the terminal.
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { renderTable, type TableColumn } from '#src/cli/table.ts'
import { cutTo, printable, widthOf } from '#src/cli/text-width.ts'

const columns: TableColumn[] = [{ title: 'NAME' }, { title: 'CALLS', align: 'right' }]
const wide = [['a-name-that-is-far-too-long-for-it', '1234567']]

test('columns are as wide as what is in them, numbers on the right', () => {
  const screen = { isTerminal: false, hasColour: false, columns: 20 }
  expect(
    renderTable(
      columns,
      [
        ['one', '5'],
        ['twenty', '1234567'],
      ],
      screen,
    ),
  ).toEqual(['NAME      CALLS', 'one           5', 'twenty  1234567'])
})

test('on a terminal no line is wider than it: names are cut, numbers never', () => {
  const lines = renderTable(columns, wide, { isTerminal: true, hasColour: true, columns: 20 })
  const plain = lines.map(stripVTControlCharacters)
  expect(plain).toEqual(['NAME           CALLS', 'a-name-tha…  1234567'])
  expect(lines[0]).not.toBe(plain[0])
})

test('off a terminal nothing is cut or coloured', () => {
  const lines = renderTable(columns, wide, { isTerminal: false, hasColour: false, columns: 20 })
  expect(lines[1]).toBe('a-name-that-is-far-too-long-for-it  1234567')
  expect(lines.map(stripVTControlCharacters)).toEqual(lines)
})

test('a terminal too narrow for even that still shows every number', () => {
  const lines = renderTable(columns, wide, { isTerminal: true, hasColour: true, columns: 1 })
  expect(lines[1]).toBe('a-n…  1234567')
})

test('a name cannot steer the terminal', () => {
  const [, line] = renderTable(columns, [['\u001b[2Jx\n', '1']], {
    isTerminal: true,
    hasColour: true,
    columns: 80,
  })
  expect(line).toBe('�[2Jx�      1')
})

test('without colour nothing is emphasised either', () => {
  const lines = renderTable(columns, wide, { isTerminal: true, hasColour: false, columns: 20 })
  expect(lines.map(stripVTControlCharacters)).toEqual(lines)
})

const keyColumns: TableColumn[] = [
  { title: 'ID', isWhole: true },
  { title: 'NAME' },
  { title: 'USED', isWhole: true, mayGo: true },
]
const keyRows = [['key_5f0c1d2e3a4b5c6d', 'a long name', '2026-11-01']]

test.each([
  [80, ['key_5f0c1d2e3a4b5c6d', 'a long name', '2026-11-01']],
  [43, ['key_5f0c1d2e3a4b5c6d', 'a long n…', '2026-11-01']],
  [38, ['key_5f0c1d2e3a4b5c6d', 'a l…', '2026-11-01']],
  [37, ['key_5f0c1d2e3a4b5c6d', 'a long name']],
  [30, ['key_5f0c1d2e3a4b5c6d', 'a long …']],
  [5, ['key_5f0c1d2e3a4b5c6d', 'a l…']],
])('of %i columns an id takes what it needs, and what can be missed goes', (width, cells) => {
  const screen = { isTerminal: true, hasColour: false, columns: width }
  expect(renderTable(keyColumns, keyRows, screen)[1]?.split(/ {2,}/)).toEqual(cells)
})

test.each([
  ['abc', 3],
  ['Übergröße', 9],
  ['e\u0301', 1],
  ['日本語', 6],
  ['ｆｕｌｌ', 8],
  ['한국어', 6],
  ['👍', 2],
  ['👩‍👩‍👧', 2],
  ['🇩🇪', 2],
  ['❤️', 2],
  ['❤', 1],
  ['1', 1],
  ['№ 1', 3],
])('%s is %i columns wide', (text, width) => {
  expect(widthOf(text)).toBe(width)
})

test.each([
  ['abcdef', 4, 'abc…'],
  ['abcd', 4, 'abcd'],
  ['日本語語', 5, '日本…'],
  ['日本語語', 6, '日本…'],
  ['👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧', 4, '👩‍👩‍👧…'],
  ['ae\u0301bcd', 3, 'ae\u0301…'],
])('%s in %i columns is %s: no character is cut in two', (text, width, cut) => {
  expect(cutTo(text, width)).toBe(cut)
})

test('wide characters leave the columns where they are', () => {
  const rows = [
    ['日本', '1'],
    ['abcd', '2'],
  ]
  const screen = { isTerminal: false, hasColour: false, columns: 80 }
  expect(renderTable(columns, rows, screen)).toEqual(['NAME  CALLS', '日本      1', 'abcd      2'])
})

test.each(['a\u202eb', 'a\u2066b', 'a\u2028b', 'a\u009bb', 'a\nb'])('%j steers nothing', (text) => {
  expect(printable(text)).toBe('a�b')
})
