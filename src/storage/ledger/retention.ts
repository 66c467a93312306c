// Forgets calls that are older than they need be kept, a few at a time between commits, so that no
// call waits long for it. The ledger is told first up to when it may forget, and lets nothing
// else go; what a call left behind goes with it. Pages become free for new rows: the file stays as
// large as it was.
//
// It believes the clock only as far as the ledger bears it out: where even the newest call of the
// look before is too old to be kept, the clock may be wrong (or nobody has called for that long),
// and nothing goes any more until the next start. All that it does and does not do is told.
import type { Clock, Timer } from '#domain'
import type { SqliteConnection } from '../sqlite-file.ts'

export type RetentionNews =
  | { kind: 'deleted'; calls: number; untilMs: number }
  /** Tried again with the next look. */
  | { kind: 'failed'; cause: unknown }
  /** Every call would have gone, the newest of which is this old. */
  | { kind: 'refused'; newestMs: number; untilMs: number }

interface RetentionPorts {
  clock: Clock
  days: number
  firstLookMs: number
  /** From the start. */
  isRefused: boolean
  onDeleted(rows: number): void
  tell(news: RetentionNews): void
}

const dayMs = 86_400_000
const lookEveryMs = 3_600_000
/** 2.3 ms, measured; then the rows that wait meanwhile have a turn. */
const callsPerTurn = 100
const betweenTurnsMs = 25

interface Run {
  untilMs: number
  deleted: number
}

export function keepRetention(connection: SqliteConnection, ports: RetentionPorts): Disposable {
  const { clock, days, firstLookMs, tell } = ports
  const { forget, newest } = prepareForgetting(connection)
  let newestMs = newest()
  let { isRefused } = ports
  let run: Run | null = null
  let timer: Timer = clock.after(firstLookMs, turn)

  function turn(): void {
    timer = clock.after(isDoneFor() ? lookEveryMs : betweenTurnsMs, turn)
  }

  /** A file that is busy or full is no reason to stop: the next hour tries again. */
  function isDoneFor(): boolean {
    try {
      run ??= look()
      if (run === null) return true
      const deleted = forget(run.untilMs)
      ports.onDeleted(deleted)
      run.deleted += deleted
      if (deleted === callsPerTurn) return false
    } catch (cause) {
      tell({ kind: 'failed', cause })
    }
    endRun()
    return true
  }

  /** null: nothing may go. */
  function look(): Run | null {
    const untilMs = clock.nowMs() - days * dayMs
    const before = newestMs
    newestMs = newest()
    const judgedMs = before ?? newestMs
    isRefused ||= judgedMs !== null && judgedMs < untilMs
    if (!isRefused) return { untilMs, deleted: 0 }
    tell({ kind: 'refused', newestMs: judgedMs ?? untilMs, untilMs })
    return null
  }

  function endRun(): void {
    if (run !== null && run.deleted > 0) {
      tell({ kind: 'deleted', calls: run.deleted, untilMs: run.untilMs })
    }
    run = null
  }

  return {
    [Symbol.dispose]() {
      timer.cancel()
      endRun()
    },
  }
}

function prepareForgetting(connection: SqliteConnection) {
  const newest = connection
    .prepare<[], number | null>('select max(received_at_ms) from calls')
    .pluck()
  const oldest = connection.prepare<[number, number], { id: string; atMs: number }>(
    `select request_id as id, received_at_ms as atMs from calls
    where received_at_ms < ? order by received_at_ms limit ?`,
  )
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
    const calls = oldest.all(untilMs, callsPerTurn)
    const last = calls.at(-1)
    // Just beyond what goes: a clock that runs ahead must not open the rest to whoever deletes.
    if (last !== undefined) mark.run(last.atMs + 1)
    for (const { id } of calls) for (const one of deletes) one.run(id)
    return calls.length
  })
  return {
    newest: () => newest.get() ?? null,
    forget: (untilMs: number) => forget.immediate(untilMs),
  }
}
