// Whether the ledger is whole: the file itself, the arithmetic of every row, and what refers to
// what. It reads every row once, by the function that made the charges, and changes nothing.
import type { CallRecord, NanoUsd } from '#domain'
import type { SqliteConnection, StorageOptions } from '#storage'
import { chargeFor } from './charge.ts'
import { withLedger } from './ledger-reader.ts'

export interface Problem {
  check: string
  /** How many rows. */
  count: number
  /** The first of them. */
  examples: readonly string[]
}

export interface Verification {
  calls: number
  attempts: number
  postings: number
  chargeNanoUsd: NanoUsd
  postingsNanoUsd: NanoUsd
  /** Calls of before were deleted by retention; null: none ever. */
  forgottenUntilMs: number | null
  problems: readonly Problem[]
}

const examplesMax = 5

/** A call that still runs has no row yet, and its first attempt may. */
const longestCallMs = 3_600_000

export function verifyLedger(options: StorageOptions, nowMs: number): Verification {
  return withLedger(options, (ledger) => {
    const forgottenUntilMs = forgottenUntil(ledger)
    return {
      calls: numberOf(ledger, 'select count(*) from calls'),
      attempts: numberOf(ledger, 'select count(*) from attempts'),
      postings: numberOf(ledger, 'select count(*) from cost_postings'),
      chargeNanoUsd: numberOf(ledger, 'select total(charge_nano_usd) from calls'),
      postingsNanoUsd: numberOf(ledger, 'select total(nano_usd) from cost_postings'),
      forgottenUntilMs,
      problems: [
        ...damages(ledger),
        ...wrongCharges(ledger),
        ...wrongRows(ledger, forgottenUntilMs ?? 0, nowMs - longestCallMs),
      ],
    }
  })
}

/** A ledger of before has no such table, and has forgotten nothing. */
function forgottenUntil(ledger: SqliteConnection): number | null {
  const table = "select count(*) from sqlite_master where name = 'retention'"
  if (numberOf(ledger, table) === 0) return null
  return ledger.prepare<[], number>('select until_ms from retention').pluck().get() ?? null
}

function damages(ledger: SqliteConnection): Problem[] {
  // SQLite answers `ok`, or one row for each damage.
  const rows = ledger.pragma('integrity_check') as { integrity_check: string }[]
  const found = rows.map((row) => row.integrity_check).filter((text) => text !== 'ok')
  return problem('the file is whole', found)
}

type ChargeRow = Pick<CallRecord, 'requestId' | 'chargeNanoUsd'> &
  CallRecord['usage'] &
  CallRecord['prices'] & { isUndelivered: number }

function wrongCharges(ledger: SqliteConnection): Problem[] {
  const rows = ledger.prepare<[], ChargeRow>(`
    select request_id as requestId, charge_nano_usd as chargeNanoUsd,
      prompt_tokens as promptTokens, completion_tokens as completionTokens,
      cached_tokens as cachedTokens, usage_source as source,
      prompt_nano_usd as promptNanoUsd, completion_nano_usd as completionNanoUsd,
      cached_nano_usd as cachedNanoUsd,
      (stream = 0 and fault is 'ledger_unavailable') as isUndelivered
    from calls`)
  const wrong: string[] = []
  for (const row of rows.iterate()) {
    // A whole answer whose row came too late never left, and was not charged.
    const expected = row.isUndelivered === 1 ? 0 : chargeFor(row, row)
    if (row.chargeNanoUsd !== expected) wrong.push(row.requestId)
  }
  return problem('a charge is usage times prices', wrong)
}

/** Each names the rows that break it. */
const rules: readonly [string, string][] = [
  [
    'nothing is counted below zero',
    `select request_id from calls where min(prompt_tokens, completion_tokens, cached_tokens,
      charge_nano_usd, attempts) < 0`,
  ],
  ['a call has one row', 'select request_id from calls group by 1 having count(*) > 1'],
  [
    'an attempt has one row',
    `select request_id || ' ' || ordinal from attempts
      group by request_id, ordinal having count(*) > 1`,
  ],
  [
    'an attempt is one of its call’s',
    `select a.request_id || ' ' || a.ordinal from attempts a
      join calls c using (request_id) where a.ordinal not between 1 and c.attempts`,
  ],
  [
    'an attempt has its call (one that was killed half way has none)',
    `select request_id || ' ' || ordinal from attempts
      where request_id not in (select request_id from calls)
      and started_at_ms >= :forgottenUntilMs and started_at_ms < :runningSinceMs`,
  ],
  [
    'a posting has its call',
    `select request_id || ' ' || kind from cost_postings
      where request_id not in (select request_id from calls)
      and posted_at_ms >= :forgottenUntilMs`,
  ],
]

function wrongRows(
  ledger: SqliteConnection,
  forgottenUntilMs: number,
  runningSinceMs: number,
): Problem[] {
  return rules.flatMap(([check, select]) => {
    const rows = ledger.prepare<[Record<string, number>], string>(select).pluck()
    return problem(check, rows.all({ forgottenUntilMs, runningSinceMs }))
  })
}

function problem(check: string, found: readonly string[]): Problem[] {
  if (found.length === 0) return []
  return [{ check, count: found.length, examples: found.slice(0, examplesMax) }]
}

function numberOf(ledger: SqliteConnection, select: string): number {
  return ledger.prepare<[], number>(select).pluck().get() ?? 0
}
