import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { renderTable, type TableColumn } from '#src/cli/table.ts'

const columns: TableColumn[] = [{ title: 'NAME' }, { title: 'CALLS', align: 'right' }]
const wide = [['a-name-that-is-far-too-long-for-it', '1234567']]

test('columns are as wide as what is in them, numbers on the right', () => {
  const screen = { isTerminal: false, columns: 20 }
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
  const lines = renderTable(columns, wide, { isTerminal: true, columns: 20 })
  const plain = lines.map(stripVTControlCharacters)
  expect(plain).toEqual(['NAME           CALLS', 'a-name-tha…  1234567'])
  expect(lines[0]).not.toBe(plain[0])
})

test('off a terminal nothing is cut or coloured', () => {
  const lines = renderTable(columns, wide, { isTerminal: false, columns: 20 })
  expect(lines[1]).toBe('a-name-that-is-far-too-long-for-it  1234567')
  expect(lines.map(stripVTControlCharacters)).toEqual(lines)
})

test('a terminal too narrow for even that still shows every number', () => {
  const lines = renderTable(columns, wide, { isTerminal: true, columns: 1 })
  expect(lines[1]).toBe('a-n…  1234567')
})

test('a name cannot steer the terminal', () => {
  const [, line] = renderTable(columns, [['\u001b[2Jx\n', '1']], { isTerminal: true, columns: 80 })
  expect(line).toBe('�[2Jx�      1')
})
