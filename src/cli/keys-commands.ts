// `podgate keys`: who may ask. A running gateway sees a change within a second. What may be said of
// a key, when it is made or changed, is in a file of its own.
import type { Command } from 'commander'
import { durationMsOf } from '#domain'
import { findKey, listKeys, revokeKey, rotateKey, rotationSchema } from '#keys'
import { checkedBy, exampleOf } from './arguments.ts'
import { type CliContext, CommandFailure, printJson, withRegistry } from './context.ts'
import { registerCreate, registerUpdate } from './key-terms-commands.ts'
import { keyFields, keyTable, printSecret, shownKey } from './keys-tables.ts'
import { renderFields } from './table.ts'
import { printable } from './text-width.ts'

export function registerKeysCommands(program: Command, context: CliContext): void {
  const keys = program.command('keys').description('make, show, change, rotate and revoke API keys')
  registerCreate(keys, context)
  registerUpdate(keys, context)
  keys
    .command('list')
    .description('list all keys, without their secrets')
    .option('--team <team>', 'only the keys of this team')
    .option('--json', 'print JSON')
    .addHelpText('after', exampleOf('keys list --team web'))
    .action((options: { team?: string; json?: true }) => list(options, context))
  keys
    .command('show')
    .description('show all that is known of a key, but not its secret')
    .argument('<id>', 'its id, from `keys list`')
    .option('--json', 'print JSON')
    .addHelpText('after', exampleOf('keys show key_5f0c1d2e3a4b5c6d'))
    .action((id: string, options: { json?: true }) => show(id, options, context))
  keys
    .command('rotate')
    .description('make a new secret for a key; the old one goes on for a while')
    .argument('<id>', 'its id, from `keys list`')
    .option(
      '--overlap <time>',
      'how long the old secret goes on; 0s ends it now',
      checkedBy(rotationSchema.shape.overlap),
      '24h',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', exampleOf('keys rotate key_5f0c1d2e3a4b5c6d --overlap 24h'))
    .action((id: string, options: { overlap: string; json?: true }) => rotate(id, options, context))
  keys
    .command('revoke')
    .description('refuse a key from now on, and end its calls in flight')
    .argument('<id>', 'its id, from `keys list`')
    .addHelpText('after', exampleOf('keys revoke key_5f0c1d2e3a4b5c6d'))
    .action((id: string) => revoke(id, context))
}

async function rotate(
  id: string,
  options: { overlap: string; json?: true },
  context: CliContext,
): Promise<void> {
  const rotation = {
    overlapMs: durationMsOf(options.overlap) ?? 0,
    nowMs: context.nowMs(),
    actor: 'cli' as const,
  }
  const made = await withRegistry(context, (registry) => rotateKey(registry, id, rotation))
  const keyId = made.key.id
  const name = printable(made.key.name)
  const old =
    rotation.overlapMs === 0
      ? 'The old one is refused from now on.'
      : `The old one goes on for ${options.overlap}.`
  printSecret(made, `Key ${keyId} (${name}) has a new secret. ${old}`, options, context)
}

async function list(
  { team, json }: { team?: string; json?: true },
  context: CliContext,
): Promise<void> {
  const all = await withRegistry(context, listKeys)
  const keys = all.filter((key) => team === undefined || key.teamId === team)
  if (json) printJson(context, { keys: keys.map((key) => shownKey(key, context.nowMs())) })
  else for (const line of keyTable(keys, context.nowMs(), context)) context.out(line)
}

async function show(id: string, { json }: { json?: true }, context: CliContext): Promise<void> {
  const key = await withRegistry(context, (registry) => findKey(registry, id))
  if (key === null) throw new CommandFailure(`There is no key ${id}. See: podgate keys list`)
  if (json) printJson(context, shownKey(key, context.nowMs()))
  else for (const line of renderFields(keyFields(key, context.nowMs()))) context.out(line)
}

async function revoke(id: string, context: CliContext): Promise<void> {
  const nowMs = context.nowMs()
  const key = await withRegistry(context, (registry) =>
    revokeKey(registry, id, { nowMs, actor: 'cli' }),
  )
  const when = key.revokedAtMs === nowMs ? 'is revoked' : 'was revoked before'
  context.out(`Key ${key.id} (${printable(key.name)}) ${when}.`)
}
