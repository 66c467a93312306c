// `podgate ledger`: is it whole, and what stands in it, in a form that other programs read. Both
// only read, and work while a gateway runs.
import { once } from 'node:events'
import { createWriteStream, openSync, renameSync, rmSync } from 'node:fs'
import { finished } from 'node:stream/promises'
import { type Command, Option } from 'commander'
import {
  type ExportFormat,
  exportLedger,
  type Problem,
  type Verification,
  verifyLedger,
} from '#accounting'
import { usdFromNanoUsd } from '#domain'
import { exampleOf, parseMoment } from './arguments.ts'
import { type CliContext, CommandFailure, printJson } from './context.ts'
import { momentText } from './table.ts'

interface ExportOptions {
  from?: number
  to?: number
  format: ExportFormat
  output?: string
}

export function registerLedgerCommands(program: Command, context: CliContext): void {
  const ledger = program.command('ledger').description('check the ledger, or take its calls out')
  ledger
    .command('verify')
    .description('check the file, every charge and what refers to what; exit code 1 if not whole')
    .option('--json', 'print JSON')
    .addHelpText('after', exampleOf('ledger verify'))
    .action((options: { json?: true }) => verify(options, context))
  ledger
    .command('export')
    .description('write the calls of a period, one line each')
    .option('--from <moment>', 'calls received from then on (default: all)', parseMoment)
    .option('--to <moment>', 'and before then (default: now)', parseMoment)
    .addOption(new Option('--format <format>', 'how').choices(['jsonl', 'csv']).default('jsonl'))
    .option('--output <file>', 'into this file, which is there only once it is whole')
    .addHelpText(
      'after',
      exampleOf(
        'ledger export --from 2026-10-01 --to 2026-11-01 --format csv --output october.csv',
      ),
    )
    .action((options: ExportOptions, command: Command) => {
      const { from = 0, to = Number.POSITIVE_INFINITY } = options
      if (from > to) command.error('error: --from is after --to')
      return take(options, context)
    })
}

function verify({ json }: { json?: true }, context: CliContext): void {
  const found = verifyLedger(context.loadSettings().storage, context.nowMs())
  const isWhole = found.problems.length === 0
  if (json) printJson(context, { isWhole, ...found })
  else for (const line of describe(found)) context.out(line)
  if (!isWhole) throw new CommandFailure('The ledger is not whole.')
}

function describe(found: Verification): string[] {
  const { forgottenUntilMs, problems, notes } = found
  const lines = [
    `${countText(found.calls)} calls, charged ${usdText(found.chargeNanoUsd)}`,
    `${countText(found.attempts)} attempts`,
    `${countText(found.postings)} postings of ${usdText(found.postingsNanoUsd)}`,
  ]
  if (forgottenUntilMs !== null) {
    lines.push(`Calls before ${momentText(forgottenUntilMs)} UTC were deleted by retention.`)
  }
  lines.push(...notes.map((note) => `· ${notSo(note)}`))
  lines.push(...problems.map((problem) => `✗ ${notSo(problem)}`))
  if (problems.length === 0) lines.push('✓ The ledger is whole.')
  return lines
}

function notSo({ check, count, examples }: Problem): string {
  const more = count > examples.length ? ', …' : ''
  return `${check}: not so for ${count} (${examples.join(', ')}${more})`
}

/** What cannot be read is not nothing. */
function countText(count: number | null): string {
  return count === null ? '?' : String(count)
}

function usdText(nanoUsd: number | null): string {
  return nanoUsd === null ? '?' : `$${usdFromNanoUsd(nanoUsd).toFixed(6)}`
}

async function take(options: ExportOptions, context: CliContext): Promise<void> {
  const { from = 0, to = context.nowMs() + 1, format, output } = options
  const query = { fromMs: from, untilMs: to, format }
  const lines = exportLedger(context.loadSettings().storage, query)
  if (output === undefined) {
    for (const line of lines) {
      context.out(line)
      await context.outDrained()
    }
    return
  }
  const written = await writeWhole(lines, output)
  const calls = format === 'csv' ? written - 1 : written
  context.err(`${calls} calls were written to ${output}.`)
}

/** Under its name only once it is whole: a part of an export looks like all of a smaller one. */
async function writeWhole(lines: Iterable<string>, path: string): Promise<number> {
  const unfinished = `${path}.part`
  // Opened here and now: a stream would make the file later, also after it was given up.
  const file = createWriteStream(unfinished, { fd: openSync(unfinished, 'w', 0o600) })
  const ended = finished(file)
  // It is awaited below; until then its failure must not count as unheard.
  ended.catch(() => {})
  let count = 0
  try {
    for (const line of lines) {
      count += 1
      if (!file.write(`${line}\n`)) await Promise.race([once(file, 'drain'), ended])
    }
    file.end()
    await ended
    renameSync(unfinished, path)
    return count
  } catch (cause) {
    file.destroy()
    rmSync(unfinished, { force: true })
    throw cause
  }
}
