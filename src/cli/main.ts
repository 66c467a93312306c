// Every command of `podgate`, and what they share. Settings are read when a command runs, so that
// `--help` works whatever the configuration says.
import { Command } from 'commander'
import { readSettings } from '#app'
import { checkDeployment } from '#upstreams'
import type { CliContext } from './context.ts'
import { registerCostsCommand } from './costs-command.ts'
import { registerKeysCommands } from './keys-commands.ts'
import { registerModelsCommands } from './models-commands.ts'
import { runProgram } from './run-program.ts'
import { registerServe } from './serve-command.ts'
import { registerSimulate } from './simulate-command.ts'

export async function main(argv: readonly string[]): Promise<number> {
  const context: CliContext = {
    loadSettings: () => ({ storage: readSettings(process.env, {}).config.storage }),
    out: (line) => void process.stdout.write(`${line}\n`),
    err: (line) => void process.stderr.write(`${line}\n`),
    isTerminal: process.stdout.isTTY === true,
    columns: process.stdout.columns ?? 100,
    nowMs: Date.now,
    checkDeployment,
  }
  const program = new Command('podgate')
    .description('An OpenAI-compatible gateway in front of RunPod serverless endpoints.')
    .showHelpAfterError('(run with --help to see what can be asked)')
  registerServe(program, context)
  registerKeysCommands(program, context)
  registerModelsCommands(program, context)
  registerCostsCommand(program, context)
  registerSimulate(program)
  return runProgram(program, argv, context)
}
