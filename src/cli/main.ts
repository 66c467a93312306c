// Every command of `podgate`, and what they share. Settings are read when a command runs, so that
// `--help` works whatever the configuration says.
import { once } from 'node:events'
import { Command } from 'commander'
import { z } from 'zod'
import { readSettings } from '#app'
import { checkDeployment } from '#upstreams'
import { checkedBy } from './arguments.ts'
import { type CliContext, type SharedFlags, wantsColour } from './context.ts'
import { runProgram } from './run-program.ts'
import { registerServe } from './serve-command.ts'

export async function main(argv: readonly string[]): Promise<number> {
  process.stdout.on('error', stopIfUnread)
  const context: CliContext = {
    loadSettings() {
      const configFile = program.opts<SharedFlags>().config
      const { config, secrets } = readSettings(process.env, { configFile })
      return { storage: config.storage, http: config.http, adminKey: secrets.adminKey }
    },
    out: (line) => void process.stdout.write(`${line}\n`),
    outDrained: untilRead,
    err: (line) => void process.stderr.write(`${line}\n`),
    isTerminal: process.stdout.isTTY === true,
    hasColour: process.stdout.isTTY === true && wantsColour(process.env),
    // A terminal that does not know its width says 0.
    columns: process.stdout.columns || 100,
    nowMs: Date.now,
    checkDeployment,
  }
  const program = new Command('podgate')
    .description('An OpenAI-compatible gateway in front of RunPod serverless endpoints.')
    .option(
      '--config <file>',
      'settings, in place of configs/<ENV>/gateway.yaml (PODGATE_CONFIG)',
      checkedBy(z.string().min(1, 'allowed: the path of a file')),
    )
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(run with --help to see what can be asked)')
  registerServe(program, context)
  if (commandIn(argv) !== 'serve') {
    const { registerOtherCommands } = await import('./other-commands.ts')
    registerOtherCommands(program, context)
  }
  return runProgram(program, argv, context)
}

/** The flags before it are those that all commands share. */
function commandIn(argv: readonly string[]): string | undefined {
  return argv.find((arg, at) => !arg.startsWith('-') && argv[at - 1] !== '--config')
}

/**
 * Whoever reads a pipe may stop early, as `head` does: that is no failure of ours, and a command
 * that is over has its exit code already.
 */
function stopIfUnread(error: Error & { code?: string }): void {
  if (error.code === 'EPIPE') process.exit()
  process.stderr.write(`The output cannot be written: ${error.message}\n`)
  process.exit(1)
}

async function untilRead(): Promise<void> {
  if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain')
}
