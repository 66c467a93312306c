// What was spent, read from the ledger's file by a reader that never writes, so it works while a
// gateway runs. A period holds the calls that were received in it.
import type { NanoUsd } from '#domain'
import type { SqliteConnection, StorageOptions } from '#storage'
import { withLedger } from './ledger-reader.ts'

export interface SpendLine {
  name: string
  calls: number
  promptTokens: number
  completionTokens: number
  chargeNanoUsd: NanoUsd
}

export interface SpendAndWaste extends SpendLine {
  /** Seconds that places at deployments were taken for nothing. */
  wastedSeconds: number
}

export interface SpendReport {
  fromMs: number
  untilMs: number
  total: SpendLine
  models: readonly SpendLine[]
  /** Only when detailed. */
  keys: readonly SpendAndWaste[]
  deployments: readonly SpendAndWaste[]
}

export interface SpendQuery {
  days: number
  nowMs: number
  detailed: boolean
}

interface Period {
  fromMs: number
  untilMs: number
}

const dayMs = 86_400_000

export function spendReport(options: StorageOptions, query: SpendQuery): SpendReport {
  const period = { fromMs: query.nowMs - query.days * dayMs, untilMs: query.nowMs }
  return withLedger(options, (ledger) => readReport(ledger, period, query.detailed))
}

function readReport(connection: SqliteConnection, period: Period, detailed: boolean): SpendReport {
  const [total] = spendBy(connection, `'total'`, period)
  return {
    ...period,
    total: total ?? emptyLine('total'),
    models: spendBy(connection, 'model', period),
    keys: detailed ? spendAndWasteBy(connection, 'key_id', period) : [],
    deployments: detailed ? spendAndWasteBy(connection, 'deployment', period) : [],
  }
}

function spendBy(
  connection: SqliteConnection,
  column: 'model' | 'key_id' | 'deployment' | `'total'`,
  period: Period,
): SpendLine[] {
  const select = connection.prepare<[Period], SpendLine>(`
    select coalesce(${column}, '(none)') as name, count(*) as calls,
      sum(prompt_tokens) as promptTokens, sum(completion_tokens) as completionTokens,
      sum(charge_nano_usd) as chargeNanoUsd
    from calls where received_at_ms > :fromMs and received_at_ms <= :untilMs
    group by 1 order by chargeNanoUsd desc, name`)
  return select.all(period)
}

/** An attempt counts for the key of its call. If a crash cut the call, no key is known. */
const wasteBy = {
  key_id: `select c.key_id as name, sum(a.wasted_seconds) as wastedSeconds
    from attempts a join calls c using (request_id)`,
  deployment: 'select a.deployment as name, sum(a.wasted_seconds) as wastedSeconds from attempts a',
}

function spendAndWasteBy(
  connection: SqliteConnection,
  column: 'key_id' | 'deployment',
  period: Period,
): SpendAndWaste[] {
  const select = connection.prepare<[Period], { name: string; wastedSeconds: number }>(`
    ${wasteBy[column]}
    where a.started_at_ms > :fromMs and a.started_at_ms <= :untilMs and a.wasted_seconds > 0
    group by 1`)
  const wasted = new Map(select.all(period).map((row) => [row.name, row.wastedSeconds]))
  const lines = spendBy(connection, column, period)
  const silent = [...wasted.keys()].filter((name) => !lines.some((line) => line.name === name))
  return [...lines, ...silent.map(emptyLine)].map((line) => ({
    ...line,
    wastedSeconds: wasted.get(line.name) ?? 0,
  }))
}

function emptyLine(name: string): SpendLine {
  return { name, calls: 0, promptTokens: 0, completionTokens: 0, chargeNanoUsd: 0 }
}
