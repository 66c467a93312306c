// `podgate keys create` and `keys update`: what may be said of a key, when it is made and later.
// `default` and `never` cannot be a number or a time, so they are words of the same option. A team
// may be called `none` and a model `all`, so no team and all models have options of their own.
import { type Command, Option } from 'commander'
import { changesOf, createKey, keyChangesSchema, keyRequestSchema, termsOf, updateKey } from '#keys'
import { readModels } from '#models'
import type { Registry } from '#storage'
import {
  checkedBy,
  checkedFlagBy,
  checkedListBy,
  checkedNumberBy,
  exampleOf,
  wordOr,
} from './arguments.ts'
import { type CliContext, printJson, withRegistry } from './context.ts'
import { printSecret, shownKey } from './keys-tables.ts'
import { printable } from './text-width.ts'

/** `create` has no word for null: it sets what it does not say to null. */
interface TermOptions {
  name?: string
  /** false: `--no-team`. */
  team?: string | false
  scopes?: string[]
  models?: string[]
  allModels?: true
  rpm?: number | 'default'
  tpm?: number | 'default'
  concurrency?: number | 'default'
  thirdParty?: boolean
  /** Or `never`. */
  expires?: string
  json?: true
}

const { shape } = keyRequestSchema

/** `more`: what only `create` says of it. */
const limits = [
  { flag: '--rpm <count>', what: 'requests per minute', more: '', schema: shape.requestsPerMinute },
  {
    flag: '--tpm <count>',
    what: 'tokens per minute',
    more: ', prompt and answer',
    schema: shape.tokensPerMinute,
  },
  { flag: '--concurrency <count>', what: 'calls at once', more: '', schema: shape.concurrencyMax },
]

const creating = `${exampleOf('keys create --name website --team web --rpm 60 --expires 30d')}

Scopes:
  chat        chat and text completions
  embeddings  embeddings
  admin-read  look at /admin, and at /metrics
  admin       change keys and models through /admin; holds admin-read
`

const updating = `${exampleOf('keys update key_5f0c1d2e3a4b5c6d --rpm 120 --tpm default')}

What is not said stays as it is, and so does the secret.
`

export function registerCreate(keys: Command, context: CliContext): void {
  const command = keys
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
  for (const { flag, what, more, schema } of limits) {
    command.option(flag, `${what}${more} (default: as configured)`, checkedNumberBy(schema))
  }
  command
    .option(
      '--third-party <true|false>',
      'deployments of others may answer, where the model allows it too (default: false)',
      checkedFlagBy(shape.thirdParty),
    )
    .option(
      '--expires <time>',
      'valid for this long: 12h, 30d (default: for ever)',
      checkedBy(shape.expires),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', creating)
    .action((options: TermOptions) => create(options, context))
}

export function registerUpdate(keys: Command, context: CliContext): void {
  const command = keys
    .command('update')
    .description('change what a key may do; its secret stays')
    .argument('<id>', 'its id, from `keys list`')
    .option('--name <name>', 'as you will see it in lists', checkedBy(shape.name))
    .option('--team <team>', 'the team that its calls are booked on', checkedBy(shape.teamId))
    .option('--no-team', 'book its calls on no team')
    .option('--scopes <scopes>', 'what it is for, separated by commas', checkedListBy(shape.scopes))
    .option('--models <ids>', 'only these models, separated by commas', checkedListBy(shape.models))
    .addOption(new Option('--all-models', 'all models').conflicts('models'))
  for (const { flag, what, schema } of limits) {
    const parse = wordOr('default', checkedNumberBy(schema))
    command.option(flag, `${what}, or default: as configured`, parse)
  }
  command
    .option(
      '--third-party <true|false>',
      'deployments of others may answer, where the model allows it too',
      checkedFlagBy(shape.thirdParty),
    )
    .option(
      '--expires <time>',
      'valid for this long from now on: 12h, 30d; or never: for ever',
      wordOr('never', checkedBy(shape.expires)),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', updating)
    .action((id: string, options: TermOptions) => {
      const { json: _, ...said } = options
      if (Object.keys(said).length === 0) command.error('error: nothing was said to change')
      return update(id, options, context)
    })
}

async function create(options: TermOptions, context: CliContext): Promise<void> {
  const request = keyRequestSchema.parse(requestOf(options))
  const made = await withRegistry(context, async (registry) => {
    await warnAboutUnknown(options.models ?? [], registry, context)
    return createKey(registry, termsOf(request, context.nowMs()), 'cli')
  })
  const { key } = made
  printSecret(made, `Key ${key.id} (${printable(key.name)}) was made.`, options, context)
}

async function update(id: string, options: TermOptions, context: CliContext): Promise<void> {
  const request = keyChangesSchema.parse(requestOf(options))
  const nowMs = context.nowMs()
  const { key, changed } = await withRegistry(context, async (registry) => {
    await warnAboutUnknown(options.models ?? [], registry, context)
    return updateKey(registry, id, changesOf(request, nowMs), { nowMs, actor: 'cli' })
  })
  if (options.json) return printJson(context, shownKey(key, nowMs))
  const what = changed.length === 0 ? 'is like this already' : `was changed: ${changed.join(', ')}`
  context.out(`Key ${key.id} (${printable(key.name)}) ${what}.`)
}

/** The options by the names that the schemas have for them. */
function requestOf({ name, team, scopes, models, thirdParty, ...others }: TermOptions) {
  return {
    name,
    teamId: team === false ? null : team,
    scopes,
    models: others.allModels ? null : models,
    requestsPerMinute: nullFor('default', others.rpm),
    tokensPerMinute: nullFor('default', others.tpm),
    concurrencyMax: nullFor('default', others.concurrency),
    thirdParty,
    expires: nullFor('never', others.expires),
  }
}

function nullFor<T>(word: string, value: T | undefined): T | null | undefined {
  return value === word ? null : value
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
