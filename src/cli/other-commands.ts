// Every command but `serve`: they end after a moment, so what they load is no burden. A gateway
// stays for weeks, and the simulator alone would be 8 MB of it.
import type { Command } from 'commander'
import { registerAuditCommand } from './audit-command.ts'
import { registerBackupCommand } from './backup-command.ts'
import type { CliContext } from './context.ts'
import { registerCostsCommand } from './costs-command.ts'
import { registerKeysCommands } from './keys-commands.ts'
import { registerLedgerCommands } from './ledger-commands.ts'
import { registerModelsCommands } from './models-commands.ts'
import { registerSimulate } from './simulate-command.ts'

export function registerOtherCommands(program: Command, context: CliContext): void {
  registerKeysCommands(program, context)
  registerModelsCommands(program, context)
  registerCostsCommand(program, context)
  registerLedgerCommands(program, context)
  registerBackupCommand(program, context)
  registerAuditCommand(program, context)
  registerSimulate(program)
}
