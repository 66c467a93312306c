// Tables for people: as wide as needed, and on a terminal cut to its width. Names give way, the
// widest first. Ids and numbers never do: half of one is another number, or opens nothing. Where
// all of them do not fit, columns that can be missed are left out. Where the output is not a
// terminal nothing is cut or emphasised, so that what a script reads is whole.
import { styleText } from 'node:util'
import { cutTo, printable, widthOf } from './text-width.ts'

export interface TableColumn {
  title: string
  /** Numbers stand on the right, and are whole. */
  align?: 'left' | 'right'
  isWhole?: boolean
  /** Left out, the last such column first, where the terminal is too narrow for all. */
  mayGo?: boolean
}

export interface TableScreen {
  isTerminal: boolean
  hasColour: boolean
  columns: number
}

const gap = '  '
const narrowest = 4

interface Laid extends TableColumn {
  /** The title, and then a cell for each row. */
  cells: string[]
  width: number
}

export function renderTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  screen: TableScreen,
): string[] {
  const all = columns.map((column, index): Laid => {
    const cells = [column.title, ...rows.map((row) => printable(row[index] ?? ''))]
    return { ...column, cells, width: Math.max(...cells.map(widthOf)) }
  })
  const laid = screen.isTerminal ? fitted(all, screen.columns) : all
  const lines = Array.from({ length: rows.length + 1 }, (_, line) => lineOf(laid, line))
  const [head = '', ...rest] = lines
  return [screen.hasColour ? styleText('bold', head, { validateStream: false }) : head, ...rest]
}

function fitted(all: readonly Laid[], columnsMax: number): Laid[] {
  const laid = all.map((column) => ({ ...column }))
  while (excessOf(laid, leastOf, columnsMax) > 0) {
    const at = laid.findLastIndex(({ mayGo }) => mayGo === true)
    if (at === -1) break
    laid.splice(at, 1)
  }
  for (let excess = excessOf(laid, ({ width }) => width, columnsMax); excess > 0; excess -= 1) {
    const givesWay = laid.filter((column) => column.width > leastOf(column))
    const widest = Math.max(...givesWay.map(({ width }) => width))
    const column = givesWay.find(({ width }) => width === widest)
    if (column === undefined) break
    column.width -= 1
  }
  return laid
}

function excessOf(laid: readonly Laid[], widthBy: (one: Laid) => number, most: number): number {
  return laid.reduce((sum, one) => sum + widthBy(one), gap.length * (laid.length - 1)) - most
}

function leastOf({ align, isWhole, width }: Laid): number {
  return align === 'right' || isWhole === true ? width : Math.min(width, narrowest)
}

function lineOf(laid: readonly Laid[], line: number): string {
  const parts = laid.map(({ cells, width, align }) => {
    const text = cutTo(cells[line] ?? '', width)
    const padding = ' '.repeat(width - widthOf(text))
    return align === 'right' ? padding + text : text + padding
  })
  return parts.join(gap).trimEnd()
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
