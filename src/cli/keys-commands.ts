// `podgate keys`: who may ask. A running gateway sees a change within a second.
import type { Command } from 'commander'
import { createKey, listKeys, revokeKey, type StoredKey } from '#keys'
import { readModels } from '#models'
import type { Registry } from '#storage'
import { exampleOf, parseCount, parseDurationMs, parseList } from './arguments.ts'
import { type CliContext, CommandFailure, printJson, withRegistry } from './context.ts'
import { renderTable } from './table.ts'

interface CreateOptions {
  name: string
  team?: string
  models?: string[]
  rpm?: number
  expires?: number
  json?: true
}

interface ListOptions {
  json?: true
}

export function registerKeysCommands(program: Command, context: CliContext): void {
  const keys = program.command('keys').description('make, list and revoke API keys')
  keys
    .command('create')
    .description('make a key; its secret is shown once')
    .requiredOption('--name <name>', 'what it is for, as you will see it in lists')
    .option('--team <team>', 'the team that its calls are booked on')
    .option('--models <ids>', 'only these models, separated by commas (default: all)', parseList)
    .option('--rpm <count>', 'requests per minute (default: as configured)', parseCount)
    .option(
      '--expires <time>',
      'valid for this long: 12h, 30d (default: for ever)',
      parseDurationMs,
    )
    .option('--json', 'print JSON')
    .addHelpText('after', exampleOf('keys create --name website --team web --rpm 60 --expires 30d'))
    .action((options: CreateOptions) => create(options, context))
  keys
    .command('list')
    .description('list all keys, without their secrets')
    .option('--json', 'print JSON')
    .addHelpText('after', exampleOf('keys list --json'))
    .action((options: ListOptions) => list(options, context))
  keys
    .command('revoke')
    .description('refuse a key from now on')
    .argument('<id>', 'its id, from `keys list`')
    .addHelpText('after', exampleOf('keys revoke key_5f0c1d2e3a4b5c6d'))
    .action((id: string) => revoke(id, context))
}

async function create(options: CreateOptions, context: CliContext): Promise<void> {
  const createdAtMs = context.nowMs()
  const { key, secret } = await withRegistry(context, async (registry) => {
    await warnAboutUnknown(options.models ?? [], registry, context)
    return createKey(registry, {
      name: options.name,
      teamId: options.team ?? null,
      models: options.models ?? null,
      requestsPerMinute: options.rpm ?? null,
      createdAtMs,
      expiresAtMs: options.expires === undefined ? null : createdAtMs + options.expires,
    })
  })
  if (options.json) {
    printJson(context, { ...key, secret })
    return
  }
  context.out(secret)
  context.err(`Key ${key.id} (${key.name}) was made. Keep its secret: it cannot be shown again.`)
}

async function warnAboutUnknown(
  ids: readonly string[],
  registry: Registry,
  context: CliContext,
): Promise<void> {
  const known = new Set((await readModels(registry.db)).map((model) => model.id))
  const unknown = ids.filter((id) => !known.has(id))
  if (unknown.length > 0) context.err(`Note: there is no such model yet: ${unknown.join(', ')}.`)
}

async function list(options: ListOptions, context: CliContext): Promise<void> {
  const keys = await withRegistry(context, listKeys)
  const nowMs = context.nowMs()
  if (options.json) {
    printJson(context, { keys: keys.map((key) => ({ ...key, state: stateOf(key, nowMs) })) })
    return
  }
  const titles = ['ID', 'NAME', 'TEAM', 'MODELS', 'RPM', 'CREATED', 'EXPIRES', 'STATE']
  const rows = keys.map((key) => [
    key.id,
    key.name,
    key.teamId ?? '-',
    key.models?.join(',') ?? 'all',
    key.requestsPerMinute?.toString() ?? 'default',
    dayOf(key.createdAtMs),
    key.expiresAtMs === null ? 'never' : dayOf(key.expiresAtMs),
    stateOf(key, nowMs),
  ])
  for (const line of renderTable(
    titles.map((title) => ({ title })),
    rows,
    context,
  )) {
    context.out(line)
  }
}

async function revoke(id: string, context: CliContext): Promise<void> {
  const nowMs = context.nowMs()
  const key = await withRegistry(context, (registry) => revokeKey(registry, id, nowMs))
  if (key === null) throw new CommandFailure(`There is no key ${id}. See: podgate keys list`)
  const when = key.revokedAtMs === nowMs ? 'is revoked' : 'was revoked before'
  context.out(`Key ${key.id} (${key.name}) ${when}.`)
}

function stateOf(key: StoredKey, nowMs: number): 'active' | 'expired' | 'revoked' {
  if (key.revokedAtMs !== null) return 'revoked'
  return key.expiresAtMs !== null && key.expiresAtMs <= nowMs ? 'expired' : 'active'
}

function dayOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}
