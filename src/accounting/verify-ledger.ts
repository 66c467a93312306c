// Checks that the ledger is whole: the file itself, the charge of every row by the function that
// made it, and which rows refer to which. It changes nothing. Where damage makes a check fail to
// read the file, that is one more problem, and the other checks go on.
import type { CallRecord, NanoUsd } from '#domain'
import { ledgerPathOf, type SqliteConnection, type StorageOptions } from '#storage'
import { chargeFor } from './charge.ts'
import { openExisting } from './ledger-reader.ts'

export interface Problem {
  check: string
  /** How many rows. */
  count: number
  /** The first rows, or what SQLite says. */
  examples: readonly string[]
}

export interface Verification {
  /** This and the sums are null where they cannot be read. */
  calls: number | null
  attempts: number | null
  postings: number | null
  chargeNanoUsd: NanoUsd | null
  postingsNanoUsd: NanoUsd | null
  /** Retention has deleted the calls before this moment; null: it never deleted any. */
  forgottenUntilMs: number | null
  problems: readonly Problem[]
  /** Found in a ledger that is whole, too. */
  notes: readonly Problem[]
}

const examplesMax = 5

/** The first attempt of a call that still runs may have a row, while the call has none yet. */
const longestCallMs = 3_600_000

export function verifyLedger(options: StorageOptions, nowMs: number): Verification {
  const path = ledgerPathOf(options)
  try {
    return verifyFile(options, path, nowMs)
  } catch (cause) {
    if (!isDamage(cause)) throw cause
    return { ...nothing, problems: [unreadable('the file is whole', path, cause)] }
  }
}

/** As of one moment. A damaged file may refuse to end a transaction, but not to be closed. */
function verifyFile(options: StorageOptions, path: string, nowMs: number): Verification {
  const ledger = openExisting(options)
  try {
    ledger.exec('begin')
    return verify(ledger, path, nowMs)
  } finally {
    ledger.close()
  }
}

const nothing: Verification = {
  calls: null,
  attempts: null,
  postings: null,
  chargeNanoUsd: null,
  postingsNanoUsd: null,
  forgottenUntilMs: null,
  problems: [],
  notes: [],
}

function verify(ledger: SqliteConnection, path: string, nowMs: number): Verification {
  const unread: Problem[] = []
  function read<T>(check: string, look: () => T): T | null {
    try {
      return look()
    } catch (cause) {
      unread.push(unreadable(check, path, cause))
      return null
    }
  }
  const found = (check: string, look: () => readonly string[]) =>
    problem(check, read(check, look) ?? [])
  const sumOf = (what: string, table: string) =>
    read(`${table} can be read`, () => numberOf(ledger, `select ${what} from ${table}`))

  const damage = found('the file is whole', () => damages(ledger))
  const forgottenUntilMs = read('retention can be read', () => forgottenUntil(ledger))
  const moments = {
    forgottenUntilMs: forgottenUntilMs ?? 0,
    runningSinceMs: nowMs - longestCallMs,
  }
  const broken = ({ check, select }: Rule) =>
    found(check, () => ledger.prepare<[object], string>(select).pluck().all(moments))
  const sums = {
    calls: sumOf('count(*)', 'calls'),
    attempts: sumOf('count(*)', 'attempts'),
    postings: sumOf('count(*)', 'cost_postings'),
    chargeNanoUsd: sumOf('total(charge_nano_usd)', 'calls'),
    postingsNanoUsd: sumOf('total(nano_usd)', 'cost_postings'),
  }
  const wrong = [
    ...found('a charge is usage times prices', () => wrongCharges(ledger)),
    ...rules.flatMap(broken),
  ]
  const notes = leftBehind.flatMap(broken)
  return { ...sums, forgottenUntilMs, problems: [...damage, ...unread, ...wrong], notes }
}

function unreadable(check: string, path: string, cause: unknown): Problem {
  const said = cause instanceof Error ? cause.message : String(cause)
  return { check, count: 1, examples: [said.includes(path) ? said : `${path}: ${said}`] }
}

/** By SQLite's own codes: a file that is absent or locked is not damaged. */
function isDamage(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  return /^SQLITE_(NOTADB|CORRUPT|IOERR)/.test(code) || isDamage(error.cause)
}

/** A ledger from before retention existed has no such table. */
function forgottenUntil(ledger: SqliteConnection): number | null {
  const table = "select count(*) from sqlite_master where name = 'retention'"
  if (numberOf(ledger, table) === 0) return null
  return ledger.prepare<[], number>('select until_ms from retention').pluck().get() ?? null
}

function damages(ledger: SqliteConnection): string[] {
  // SQLite answers `ok`, or one row for each damage.
  const rows = ledger.pragma('integrity_check') as { integrity_check: string }[]
  return rows.map((row) => row.integrity_check).filter((text) => text !== 'ok')
}

type ChargeRow = Pick<CallRecord, 'requestId' | 'chargeNanoUsd'> &
  CallRecord['usage'] &
  CallRecord['prices'] & { isUndelivered: number }

function wrongCharges(ledger: SqliteConnection): string[] {
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
  return wrong
}

interface Rule {
  check: string
  /** The rows that break it, by name. */
  select: string
}

const rules: readonly Rule[] = [
  {
    check: 'nothing is counted below zero',
    select: `select request_id from calls where min(prompt_tokens, completion_tokens,
      cached_tokens, charge_nano_usd, attempts) < 0`,
  },
  {
    check: 'a call has one row',
    select: 'select request_id from calls group by 1 having count(*) > 1',
  },
  {
    check: 'an attempt has one row',
    select: `select request_id || ' ' || ordinal from attempts
      group by request_id, ordinal having count(*) > 1`,
  },
  {
    check: 'an attempt is one of its call’s',
    select: `select a.request_id || ' ' || a.ordinal from attempts a
      join calls c using (request_id) where a.ordinal not between 1 and c.attempts`,
  },
  {
    check: 'a posting has its call',
    select: `select request_id || ' ' || kind from cost_postings
      where request_id not in (select request_id from calls)
      and posted_at_ms >= :forgottenUntilMs`,
  },
]

const leftBehind: readonly Rule[] = [
  {
    check: 'an attempt has its call, unless that was cut by a kill or a crash',
    select: `select request_id || ' ' || ordinal from attempts
      where request_id not in (select request_id from calls)
      and started_at_ms >= :forgottenUntilMs and started_at_ms < :runningSinceMs`,
  },
]

function problem(check: string, found: readonly string[]): Problem[] {
  if (found.length === 0) return []
  return [{ check, count: found.length, examples: found.slice(0, examplesMax) }]
}

function numberOf(ledger: SqliteConnection, select: string): number {
  return ledger.prepare<[], number>(select).pluck().get() ?? 0
}
