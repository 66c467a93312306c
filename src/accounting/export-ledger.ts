// The calls of a period as lines of text. The caller takes them one by one at its own pace, and
// only one is in memory at a time. All of them are read as they were at one moment.
import type { StorageOptions } from '#storage'
import { openExisting } from './ledger-reader.ts'

export type ExportFormat = 'jsonl' | 'csv'

export interface ExportQuery {
  /** Calls received from this moment … */
  fromMs: number
  /** … and before this one. */
  untilMs: number
  format: ExportFormat
}

type SqlValue = string | number | null

export function* exportLedger(options: StorageOptions, query: ExportQuery): Generator<string> {
  const ledger = openExisting(options)
  try {
    const select = ledger.prepare<[number, number], Record<string, SqlValue>>(
      `select * from calls where received_at_ms >= ? and received_at_ms < ?
      order by received_at_ms, request_id`,
    )
    if (query.format === 'csv') yield csvLine(select.columns().map(({ name }) => name))
    for (const row of select.iterate(query.fromMs, query.untilMs)) {
      yield query.format === 'csv' ? csvLine(Object.values(row)) : JSON.stringify(row)
    }
  } finally {
    ledger.close()
  }
}

/** By RFC 4180: quoted where it must be, empty for null. */
function csvLine(values: readonly SqlValue[]): string {
  return values.map(csvField).join(',')
}

function csvField(value: SqlValue): string {
  const text = value === null ? '' : String(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
