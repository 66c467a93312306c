// What was measured against what was promised, as a table or as JSON.

export interface Verdict {
  name: string
  measured: string
  /** What must hold: the bench fails when it does not. */
  gate: string
  isMet: boolean
  /** What is aimed at, where that is more. */
  goal?: string
  isGoalMet?: boolean
}

export function asTable(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map((verdict) => [
    verdict.isMet ? 'ok' : 'MISSED',
    verdict.name,
    verdict.measured,
    verdict.gate,
    verdict.goal === undefined ? '' : `${verdict.goal}${verdict.isGoalMet ? '' : ' not yet'}`,
  ])
  const table = [['', 'what', 'measured', 'gate', 'goal'], ...rows]
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...table.map((row) => row[column]?.length ?? 0)),
  )
  const line = (row: string[]) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')
  return table.map((row) => line(row).trimEnd()).join('\n')
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN
}
