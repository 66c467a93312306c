// `podgate audit`: who changed keys and models, the newest first.
import type { Command } from 'commander'
import { type AuditEntry, listAudit } from '#storage'
import { exampleOf, parseCount } from './arguments.ts'
import { type CliContext, printJson, withRegistry } from './context.ts'
import { momentText, renderTable } from './table.ts'

interface AuditOptions {
  limit: number
  json?: true
}

export function registerAuditCommand(program: Command, context: CliContext): void {
  program
    .command('audit')
    .description('who changed keys and models, the newest first')
    .option('--limit <count>', 'how many entries', parseCount, 50)
    .option('--json', 'print JSON, with what was before and after')
    .addHelpText('after', exampleOf('audit --limit 20'))
    .action((options: AuditOptions) => audit(options, context))
}

async function audit({ limit, json }: AuditOptions, context: CliContext): Promise<void> {
  const query = { limit, beforeId: null }
  const entries = await withRegistry(context, (registry) => listAudit(registry, query))
  if (json) return printJson(context, { entries })
  const whole = ['WHEN (UTC)', 'WHO', 'DID', 'TO'].map((title) => ({ title, isWhole: true }))
  const columns = [...whole, { title: 'WHAT' }]
  for (const line of renderTable(columns, entries.map(rowOf), context)) context.out(line)
}

function rowOf({ atMs, actor, action, target, after }: AuditEntry): string[] {
  return [momentText(atMs), actor, action, target, after === null ? '' : JSON.stringify(after)]
}
