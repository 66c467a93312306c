// `podgate backup`: whole copies of both databases, while gateways run.
import type { Command } from 'commander'
import { backupDatabases } from '#storage'
import { exampleOf } from './arguments.ts'
import { type CliContext, printJson } from './context.ts'

export function registerBackupCommand(program: Command, context: CliContext): void {
  program
    .command('backup')
    .description('copy registry and ledger into a folder, also while a gateway runs')
    .argument('<folder>', 'made if it is not there; files in it are never overwritten')
    .option('--json', 'print JSON')
    .addHelpText('after', exampleOf('backup /var/backups/podgate/2026-11-01'))
    .action((folder: string, options: { json?: true }) => backup(folder, options, context))
}

async function backup(
  folder: string,
  { json }: { json?: true },
  context: CliContext,
): Promise<void> {
  const files = await backupDatabases(context.loadSettings().storage, folder)
  if (json) return printJson(context, { files })
  for (const { from, path, bytes } of files) context.out(`${from} → ${path} (${bytes} bytes)`)
}
