// Commands as a terminal or a script runs them, against a folder of the test's own.
import { Command } from 'commander'
import { expect } from 'vitest'
import { registerAuditCommand } from '#src/cli/audit-command.ts'
import { registerBackupCommand } from '#src/cli/backup-command.ts'
import type { CliContext } from '#src/cli/context.ts'
import { registerCostsCommand } from '#src/cli/costs-command.ts'
import { registerKeysCommands } from '#src/cli/keys-commands.ts'
import { registerLedgerCommands } from '#src/cli/ledger-commands.ts'
import { registerModelsCommands } from '#src/cli/models-commands.ts'
import { runProgram } from '#src/cli/run-program.ts'
import type { StorageOptions } from '#src/storage/index.ts'

export interface CommandResult {
  code: number
  out: string
  err: string
}

export const commandNowMs = 1_700_000_000_000

export function commandsOver(storage: StorageOptions, changes: Partial<CliContext> = {}) {
  return async (...args: string[]): Promise<CommandResult> => {
    const out: string[] = []
    const err: string[] = []
    const context: CliContext = {
      loadSettings: () => ({ storage, http: { host: '127.0.0.1', port: 8080 }, adminKey: null }),
      out: (line) => out.push(line),
      outDrained: async () => {},
      err: (line) => err.push(line),
      isTerminal: false,
      hasColour: false,
      columns: 80,
      nowMs: () => commandNowMs,
      ...changes,
    }
    const program = new Command('podgate')
    registerKeysCommands(program, context)
    registerModelsCommands(program, context)
    registerCostsCommand(program, context)
    registerLedgerCommands(program, context)
    registerBackupCommand(program, context)
    registerAuditCommand(program, context)
    const code = await runProgram(program, args, context)
    return { code, out: out.join('\n'), err: err.join('\n') }
  }
}

/** What a command that worked printed as JSON. */
export function jsonOf(result: CommandResult): unknown {
  expect(result.code).toBe(0)
  return JSON.parse(result.out)
}
