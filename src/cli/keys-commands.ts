// `podgate keys`: who may ask. A running gateway sees a change within a second.
import type { Command } from 'commander'
import { durationMsOf } from '#domain'
import {
  createKey,
  findKey,
  keyRequestSchema,
  keyState,
  listKeys,
  type NewSecret,
  revokeKey,
  rotateKey,
  rotationSchema,
  type StoredKey,
  termsOf,
} from '#keys'
import { readModels } from '#models'
import type { Registry } from '#storage'
import { checkedBy, checkedListBy, checkedNumberBy, exampleOf } from './arguments.ts'
import { type CliContext, CommandFailure, printJson, withRegistry } from './context.ts'
import { keyFields, keyTable } from './keys-tables.ts'
import { renderFields } from './table.ts'
import { printable } from './text-width.ts'

interface CreateOptions {
  name: string
  team?: string
  scopes?: string[]
  models?: string[]
  rpm?: number
  concurrency?: number
  expires?: string
  json?: true
}

const teaching = `${exampleOf('keys create --name website --team web --rpm 60 --expires 30d')}

Scopes:
  chat        chat and text completions
  embeddings  embeddings
  admin-read  look at /admin, and at /metrics
  admin       change keys and models through /admin; holds admin-read
`

export function registerKeysCommands(program: Command, context: CliContext): void {
  const keys = program.command('keys').description('make, show, rotate and revoke API keys')
  registerCreate(keys, context)
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

function registerCreate(keys: Command, context: CliContext): void {
  const { shape } = keyRequestSchema
  keys
    .command('create')
    .description('make a key; its secret is shown once')
    .requiredOption('--name <name>', 'as you will see it in lists', checkedBy(shape.name))
    .option('--team <team>', 'the team that its calls are booked on', checkedBy(shape.teamId))
    .option(
      '--scopes <scopes>',
      'what it is for, separated by commas (default: chat,embeddings)',
      checkedListBy(shape.scopes),
    )
    .option(
      '--models <ids>',
      'only these models, separated by commas (default: all)',
      checkedListBy(shape.models),
    )
    .option(
      '--rpm <count>',
      'requests per minute (default: as configured)',
      checkedNumberBy(shape.requestsPerMinute),
    )
    .option(
      '--concurrency <count>',
      'calls at once (default: as configured)',
      checkedNumberBy(shape.concurrencyMax),
    )
    .option(
      '--expires <time>',
      'valid for this long: 12h, 30d (default: for ever)',
      checkedBy(shape.expires),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', teaching)
    .action((options: CreateOptions) => create(options, context))
}

async function create(options: CreateOptions, context: CliContext): Promise<void> {
  const { name, team, scopes, models, rpm, concurrency, expires } = options
  const request = keyRequestSchema.parse({
    name,
    teamId: team,
    scopes,
    models,
    requestsPerMinute: rpm,
    concurrencyMax: concurrency,
    expires,
  })
  const made = await withRegistry(context, async (registry) => {
    await warnAboutUnknown(models ?? [], registry, context)
    return createKey(registry, termsOf(request, context.nowMs()), 'cli')
  })
  const { key } = made
  printSecret(made, `Key ${key.id} (${printable(key.name)}) was made.`, options, context)
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

/** The secret alone on standard output, so that a script can take it as it is. */
function printSecret(
  { key, secret }: NewSecret,
  said: string,
  { json }: { json?: true },
  context: CliContext,
): void {
  if (json) {
    printJson(context, { ...shown(key, context), secret })
    return
  }
  context.out(secret)
  context.err(`${said} Keep its secret: it cannot be shown again.`)
}

async function warnAboutUnknown(
  names: readonly string[],
  registry: Registry,
  context: CliContext,
): Promise<void> {
  const models = await readModels(registry.db)
  const known = new Set(models.flatMap((model) => [model.id, ...model.aliases]))
  const unknown = names.filter((name) => !known.has(name))
  if (unknown.length > 0) context.err(`Note: there is no such model yet: ${unknown.join(', ')}.`)
}

async function list(
  { team, json }: { team?: string; json?: true },
  context: CliContext,
): Promise<void> {
  const all = await withRegistry(context, listKeys)
  const keys = all.filter((key) => team === undefined || key.teamId === team)
  if (json) printJson(context, { keys: keys.map((key) => shown(key, context)) })
  else for (const line of keyTable(keys, context.nowMs(), context)) context.out(line)
}

async function show(id: string, { json }: { json?: true }, context: CliContext): Promise<void> {
  const key = await withRegistry(context, (registry) => findKey(registry, id))
  if (key === null) throw new CommandFailure(`There is no key ${id}. See: podgate keys list`)
  if (json) printJson(context, shown(key, context))
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

function shown(key: StoredKey, context: CliContext) {
  return { ...key, state: keyState(key, context.nowMs()) }
}
