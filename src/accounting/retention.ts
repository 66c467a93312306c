// Forgets calls that are older than they need be kept, a few at a time between the others' turns,
// so that no call waits for it. The ledger is told first up to when it may forget, and lets nothing
// else go; what a call left behind goes with it. Pages become free for new rows: the file stays as
// large as it was.
import { z } from 'zod'
import type { Clock, Timer } from '#domain'
import type { SqliteConnection } from '#storage'

export const retentionOptions = z.object({
  ledgerDays: z
    .int()
    .min(1)
    .max(36_600)
    .nullable()
    .default(null)
    .describe('days after which calls are deleted from the ledger; null: never'),
})

export interface RetentionPorts {
  clock: Clock
  days: number
  onDeleted(rows: number): void
}

const dayMs = 86_400_000
const firstLookMs = 60_000
const lookEveryMs = 3_600_000
/** 2.3 ms of the event loop, measured; then everybody else has a turn. */
const callsPerTurn = 100
const betweenTurnsMs = 25

export function keepRetention(connection: SqliteConnection, ports: RetentionPorts): Disposable {
  const { clock, days } = ports
  const forget = prepareForgetting(connection)
  let timer: Timer = clock.after(firstLookMs, turn)

  function turn(): void {
    timer = clock.after(isDoneFor() ? lookEveryMs : betweenTurnsMs, turn)
  }

  /** A file that is busy or full is no reason to stop: the next hour tries again. */
  function isDoneFor(): boolean {
    try {
      const deleted = forget(clock.nowMs() - days * dayMs)
      ports.onDeleted(deleted)
      return deleted < callsPerTurn
    } catch {
      return true
    }
  }

  return { [Symbol.dispose]: () => timer.cancel() }
}

function prepareForgetting(connection: SqliteConnection): (untilMs: number) => number {
  const oldest = connection
    .prepare<[number, number], string>(
      'select request_id from calls where received_at_ms < ? order by received_at_ms limit ?',
    )
    .pluck()
  const mark = connection.prepare<[number]>(
    `insert into retention (id, until_ms) values (1, ?)
    on conflict (id) do update set until_ms = excluded.until_ms
    where excluded.until_ms > until_ms`,
  )
  // A call's age is its attempts' age too: it goes last.
  const deletes = ['attempts', 'cost_postings', 'calls'].map((table) =>
    connection.prepare<[string]>(`delete from ${table} where request_id = ?`),
  )
  const forget = connection.transaction((untilMs: number) => {
    const ids = oldest.all(untilMs, callsPerTurn)
    if (ids.length > 0) mark.run(untilMs)
    for (const id of ids) for (const one of deletes) one.run(id)
    return ids.length
  })
  return (untilMs) => forget.immediate(untilMs)
}
