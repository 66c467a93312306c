// `podgate costs`: what was spent, from the ledger, also while a gateway runs. With a budget it is
// a check for a schedule: exit code 1 when more was spent.
import type { Command } from 'commander'
import { type SpendAndWaste, type SpendLine, type SpendReport, spendReport } from '#accounting'
import { nanoUsdFromUsd, usdFromNanoUsd } from '#domain'
import { exampleOf, parseDays, parseUsd } from './arguments.ts'
import { type CliContext, CommandFailure, printJson } from './context.ts'
import { momentText, renderTable, type TableColumn } from './table.ts'

interface CostsOptions {
  days: number
  detailed?: true
  budget?: number
  json?: true
}

export function registerCostsCommand(program: Command, context: CliContext): void {
  program
    .command('costs')
    .description('what was spent, by model')
    .option('--days <count>', 'how far back', parseDays, 7)
    .option('--detailed', 'by key and by deployment, too')
    .option('--budget <usd>', 'fail (exit code 1) when more than this was spent', parseUsd)
    .option('--json', 'print JSON')
    .addHelpText('after', exampleOf('costs --days 30 --detailed --budget 500'))
    .action((options: CostsOptions) => costs(options, context))
}

function costs(options: CostsOptions, context: CliContext): void {
  const { storage } = context.loadSettings()
  const query = { days: options.days, nowMs: context.nowMs(), detailed: options.detailed === true }
  const report = spendReport(storage, query)
  if (options.json) printJson(context, jsonOf(report, options))
  else printReport(report, options, context)
  if (options.budget === undefined) return
  const leftNanoUsd = nanoUsdFromUsd(options.budget) - report.total.chargeNanoUsd
  if (leftNanoUsd < 0) {
    const over = usdText(-leftNanoUsd)
    throw new CommandFailure(`Over budget by $${over}: the budget was $${options.budget}.`)
  }
  if (!options.json)
    context.out(`Within the budget of $${options.budget}: $${usdText(leftNanoUsd)} left.`)
}

function printReport(report: SpendReport, options: CostsOptions, context: CliContext): void {
  const from = momentText(report.fromMs)
  context.out(`Spent from ${from} to ${momentText(report.untilMs)} UTC (${options.days} days)`)
  const tables: [string, readonly (SpendLine | SpendAndWaste)[]][] = [
    ['MODEL', [...report.models, report.total]],
  ]
  if (options.detailed) {
    tables.push(['KEY', report.keys], ['DEPLOYMENT', report.deployments])
  }
  for (const [title, lines] of tables) {
    context.out('')
    const rows = lines.map(rowOf)
    for (const line of renderTable(columnsFor(title), rows, context)) context.out(line)
  }
  context.out('')
}

function columnsFor(title: string): TableColumn[] {
  const numbers = ['CALLS', 'PROMPT', 'COMPLETION', 'COST USD']
  if (title !== 'MODEL') numbers.push('WASTED S')
  // A key's id is what `keys show` asks for.
  const name = { title, isWhole: title === 'KEY' }
  return [name, ...numbers.map((each) => ({ title: each, align: 'right' as const }))]
}

function rowOf(line: SpendLine | SpendAndWaste): string[] {
  const row = [
    line.name,
    String(line.calls),
    String(line.promptTokens),
    String(line.completionTokens),
    usdText(line.chargeNanoUsd),
  ]
  if ('wastedSeconds' in line) row.push(line.wastedSeconds.toFixed(1))
  return row
}

function jsonOf(report: SpendReport, options: CostsOptions): unknown {
  const withUsd = <L extends SpendLine>(line: L) => ({
    ...line,
    costUsd: usdFromNanoUsd(line.chargeNanoUsd),
  })
  const { total, models, keys, deployments } = report
  return {
    from: new Date(report.fromMs).toISOString(),
    until: new Date(report.untilMs).toISOString(),
    budgetUsd: options.budget ?? null,
    total: withUsd(total),
    models: models.map(withUsd),
    ...(options.detailed && { keys: keys.map(withUsd), deployments: deployments.map(withUsd) }),
  }
}

/** A single call may cost less than a cent: six places. */
function usdText(nanoUsd: number): string {
  return usdFromNanoUsd(nanoUsd).toFixed(6)
}
