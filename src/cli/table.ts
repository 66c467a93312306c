// Tables for people: as wide as needed, and on a terminal cut to its width. Names give way, the
// widest first; numbers never do, because half a number is another number. Where the output is not
// a terminal nothing is cut or emphasised, so that what a script reads is whole.
import { styleText } from 'node:util'

export interface TableColumn {
  title: string
  align?: 'left' | 'right'
}

export interface TableScreen {
  isTerminal: boolean
  columns: number
}

const gap = '  '
const narrowest = 4

export function renderTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  screen: TableScreen,
): string[] {
  const titles = columns.map((column) => column.title)
  const cells = rows.map((row) => columns.map((_, index) => printable(row[index] ?? '')))
  const natural = columns.map((_, index) =>
    Math.max(...[titles, ...cells].map((line) => line[index]?.length ?? 0)),
  )
  const isNumber = columns.map((column) => column.align === 'right')
  const widths = screen.isTerminal ? fitted(natural, isNumber, screen.columns) : natural
  const head = lineOf(titles, columns, widths)
  return [
    screen.isTerminal ? styleText('bold', head, { validateStream: false }) : head,
    ...cells.map((row) => lineOf(row, columns, widths)),
  ]
}

function fitted(
  natural: readonly number[],
  isNumber: readonly boolean[],
  columnsMax: number,
): number[] {
  const widths = [...natural]
  const gaps = gap.length * (widths.length - 1)
  let excess = widths.reduce((sum, width) => sum + width, gaps) - columnsMax
  while (excess > 0) {
    const widest = Math.max(...widths.filter((_, index) => !isNumber[index]))
    if (widest <= narrowest) break
    widths[widths.findIndex((width, index) => width === widest && !isNumber[index])] = widest - 1
    excess -= 1
  }
  return widths
}

function lineOf(
  cells: readonly string[],
  columns: readonly TableColumn[],
  widths: readonly number[],
): string {
  const parts = cells.map((cell, index) => {
    const width = widths[index] ?? cell.length
    const text = cell.length > width ? `${cell.slice(0, width - 1)}…` : cell
    return columns[index]?.align === 'right' ? text.padStart(width) : text.padEnd(width)
  })
  return parts.join(gap).trimEnd()
}

/** Names are given by people: one with control characters in it must not steer the terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '�')
}

/** One thing in all its fields, a line for each. */
export function renderFields(fields: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...fields.map(([name]) => name.length))
  return fields.map(([name, value]) => `${name.padEnd(width)}${gap}${printable(value)}`.trimEnd())
}

/** `2026-11-01 08:30` in UTC. */
export function momentText(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 16).replace('T', ' ')
}
