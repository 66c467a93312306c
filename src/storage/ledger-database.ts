// The ledger's file. Calls wait for their rows to be written, so this is a raw connection and not
// the query layer (one row took 16 µs against 61). Triggers refuse every change of a row: what
// becomes known later is added as a posting of its own.
import { basename, dirname, extname, join } from 'node:path'
import type { StorageOptions } from './options.ts'
import {
  type Migration,
  openSqliteFile,
  openSqliteReader,
  type SqliteConnection,
} from './sqlite-file.ts'

/** The options with which the ledger's file is opened. */
export type LedgerOpening = Pick<
  StorageOptions,
  'path' | 'ledgerPath' | 'ledgerSynchronous' | 'busyTimeoutMs'
>

/** Not in `options.ts`, because the ledger's thread must not load zod. */
export function ledgerPathOf(options: Pick<StorageOptions, 'path' | 'ledgerPath'>): string {
  if (options.ledgerPath !== null) return options.ledgerPath
  const extension = extname(options.path)
  const name = basename(options.path, extension)
  return join(dirname(options.path), `${name}-ledger${extension === '' ? '.db' : extension}`)
}

export function openLedgerDatabase(options: LedgerOpening): SqliteConnection {
  const connection = openSqliteFile({
    path: ledgerPathOf(options),
    kind: 'ledger',
    synchronous: options.ledgerSynchronous,
    busyTimeoutMs: options.busyTimeoutMs,
    migrations: ledgerMigrations,
  })
  // A checkpoint inside a commit would delay a terminal frame: `checkpoints.ts` makes them.
  connection.pragma('wal_autocheckpoint = 0')
  return connection
}

export function openLedgerReader(options: StorageOptions): SqliteConnection {
  const { busyTimeoutMs } = options
  const path = ledgerPathOf(options)
  return openSqliteReader({ path, kind: 'ledger', busyTimeoutMs, migrations: ledgerMigrations })
}

// Moments, tokens and money are integers; durations are milliseconds with their fraction.
const firstTables: Migration = [
  `create table calls (
    request_id text primary key not null,
    client_request_id text,
    key_id text not null,
    team_id text,
    end_user_hash text,
    surface text not null,
    model text not null,
    deployment text,
    transport text,
    upstream_id text,
    worker_id text,
    received_at_ms integer not null,
    status integer not null,
    outcome text not null,
    error_code text,
    fault text,
    stream integer not null,
    attempts integer not null,
    duration_ms real not null,
    queue_ms real not null,
    ttft_ms real,
    exec_ms real,
    overhead_ms real not null,
    stream_ms real,
    cold_start integer not null,
    prompt_tokens integer not null,
    completion_tokens integer not null,
    cached_tokens integer not null,
    usage_source text not null,
    prompt_nano_usd integer not null,
    completion_nano_usd integer not null,
    cached_nano_usd integer not null,
    charge_nano_usd integer not null,
    gpu_seconds real,
    possible_orphan integer not null
  ) strict, without rowid`,
  'create index calls_by_time on calls (received_at_ms)',
  `create table attempts (
    id integer primary key,
    request_id text not null,
    ordinal integer not null,
    model text not null,
    deployment text not null,
    transport text not null,
    started_at_ms integer not null,
    duration_ms real not null,
    result text not null,
    fault text,
    released text not null,
    cancellation text not null,
    wasted_seconds real not null,
    waste_reason text
  ) strict`,
  'create index attempts_by_call on attempts (request_id)',
  'create index attempts_by_time on attempts (started_at_ms)',
  `create table cost_postings (
    id integer primary key,
    request_id text not null,
    kind text not null,
    nano_usd integer not null,
    source text not null,
    posted_at_ms integer not null
  ) strict`,
  'create index cost_postings_by_call on cost_postings (request_id)',
  ...['calls', 'attempts', 'cost_postings'].flatMap((table) =>
    ['update', 'delete'].map(
      (change) =>
        `create trigger ${table}_refuse_${change} before ${change} on ${table} begin ` +
        `select raise(abort, 'the ledger is append-only'); end`,
    ),
  ),
]

/**
 * Rows may be deleted only if they are older than the mark in `retention`. So the mark must be
 * moved first, and it tells every reader which rows may be missing. It only ever moves forward.
 * Attempts and postings are as old as their call.
 */
const retention: Migration = [
  `create table retention (
    id integer primary key check (id = 1),
    until_ms integer not null
  ) strict`,
  `create trigger retention_refuse_delete before delete on retention begin
    select raise(abort, 'the ledger is append-only'); end`,
  `create trigger retention_refuse_return before update on retention
    when new.until_ms < old.until_ms begin
    select raise(abort, 'the ledger is append-only'); end`,
  ...Object.entries({
    calls: 'old.received_at_ms',
    attempts: ageOf('started_at_ms'),
    cost_postings: ageOf('posted_at_ms'),
  }).flatMap(([table, age]) => [
    `drop trigger ${table}_refuse_delete`,
    `create trigger ${table}_refuse_delete before delete on ${table}
      when ${age} >= coalesce((select until_ms from retention), 0) begin
      select raise(abort, 'the ledger is append-only'); end`,
  ]),
]

function ageOf(ownMoment: string): string {
  const call = 'select received_at_ms from calls where request_id = old.request_id'
  return `coalesce((${call}), old.${ownMoment})`
}

/**
 * Only the report of waste asks for attempts by their time, and it reads a million rows in 0.2 s
 * without this index. Keeping the index took 1 to 2 µs of every call.
 */
const fewerIndexes: Migration = ['drop index attempts_by_time']

/** Older attempts all went to the first choice: they need no reason. */
const reasons: Migration = ['alter table attempts add column why text']

const ledgerMigrations: readonly Migration[] = [firstTables, retention, fewerIndexes, reasons]
