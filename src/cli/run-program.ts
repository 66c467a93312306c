// Runs a command line and turns its end into an exit code: 0 it worked, 1 it failed, 2 it was asked
// wrongly. A failure is one line on standard error, not a stack.
import { type Command, CommanderError } from 'commander'
import type { CliContext } from './context.ts'
import { printable } from './text-width.ts'

export type ExitCode = 0 | 1 | 2

export async function runProgram(
  program: Command,
  args: readonly string[],
  context: Pick<CliContext, 'out' | 'err'>,
): Promise<ExitCode> {
  for (const command of withDescendants(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => context.out(text.trimEnd()),
      writeErr: (text) => context.err(text.trimEnd()),
    })
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return 0
  } catch (cause) {
    if (cause instanceof CommanderError) return cause.exitCode === 0 ? 0 : 2
    // A message may have lines of its own, and repeat a name that somebody gave.
    const lines = (cause instanceof Error ? cause.message : String(cause)).split('\n')
    context.err(lines.map(printable).join('\n'))
    return 1
  }
}

function withDescendants(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withDescendants)]
}
