// Deletes calls that are older than they must be kept, with their attempts and postings. It deletes
// a few at a time between commits, so that no call waits long. It first moves the mark up to which
// the ledger allows deleting. Freed pages are used for new rows: the file does not shrink.
// It checks the clock against the ledger. If even the newest call of the look before is too old to
// be kept, the clock may be wrong (or nobody called for that long): nothing is deleted until the
// next start. Everything that it does or refuses is told.
import type { Clock, Timer } from '#domain'
import type { SqliteConnection } from '../sqlite-file.ts'

export type RetentionNews =
  | { kind: 'deleted'; calls: number; untilMs: number }
  /** The next look tries again. */
  | { kind: 'failed'; cause: unknown }
  /** Every call would have been deleted; the newest one is of `newestMs`. */
  | { kind: 'refused'; newestMs: number; untilMs: number }

interface RetentionPorts {
  clock: Clock
  days: number
  firstLookMs: number
  /** Whether deleting is refused from the start. */
  isRefused: boolean
  onDeleted(rows: number): void
  tell(news: RetentionNews): void
}

const dayMs = 86_400_000
const lookEveryMs = 3_600_000
/** So many took 2.3 ms, measured. Then rows that waited have a turn. */
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

  /** A busy or full file does not end retention: the next look, an hour later, tries again. */
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

  /** null: nothing may be deleted. */
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
  // The triggers read the age of attempts and postings from their call, so it is deleted last.
  const deletes = ['attempts', 'cost_postings', 'calls'].map((table) =>
    connection.prepare<[string]>(`delete from ${table} where request_id = ?`),
  )
  const forget = connection.transaction((untilMs: number) => {
    const calls = oldest.all(untilMs, callsPerTurn)
    const last = calls.at(-1)
    // Just beyond the last call: a clock that runs ahead must not allow deleting the rest.
    if (last !== undefined) mark.run(last.atMs + 1)
    for (const { id } of calls) for (const one of deletes) one.run(id)
    return calls.length
  })
  return {
    newest: () => newest.get() ?? null,
    forget: (untilMs: number) => forget.immediate(untilMs),
  }
}
