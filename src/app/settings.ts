// Everything a process is told from outside, read once: which environment it runs in, its
// configuration, and its secrets apart. What is wrong with any of them is told together.
import { existsSync } from 'node:fs'
import { ConfigMistakes, loadConfig, loadEnvFile, readSecrets, type Secrets } from '#config'
import { kinds as allKinds, type UpstreamKinds } from '#upstreams'
import { configurationOf } from './config-schema.ts'
import { type KindSources, settingsOfKinds } from './kind-settings.ts'

export type Environment = 'dev' | 'prod'

export interface Settings extends KindSources {
  environment: Environment
  warnings: readonly string[]
  /** A kind that the simulator can replace was not configured, not even in part. */
  wantsSimulator: boolean
}

type Env = Record<string, string | undefined>

interface Flags {
  /** Dotted path of an option → value. */
  options?: Readonly<Record<string, unknown>>
  /** In place of the file of the environment. */
  configFile?: string | undefined
}

export function readSettings(
  given: Env,
  flags: Flags = {},
  kinds: UpstreamKinds = allKinds,
): Settings {
  const env = { ...given }
  loadEnvFile('configs/local.env', env)
  const mistakes: string[] = []
  const environment = orMistakes(mistakes, () => readEnvironment(env.ENV))
  const { schema, envNames, otherEnvNames, kindSecrets } = configurationOf(kinds)
  const loaded = orMistakes(mistakes, () =>
    loadConfig(schema, {
      env,
      envNames,
      otherEnvNames,
      files: filesOf(environment, env, flags.configFile),
      flags: flags.options ?? {},
    }),
  )
  const secrets = orMistakes(mistakes, () => readSecrets(env, kindSecrets))
  if (environment === null || loaded === null || secrets === null) {
    throw new ConfigMistakes(mistakes)
  }
  const { config } = loaded
  const warnings = [
    ...loaded.warnings,
    ...withoutEffect(env),
    ...oneKeyForAll(secrets),
    ...(environment === 'prod' ? shortKeys(secrets) : []),
  ]
  const settingsOf = settingsOfKinds({ config, secrets, kinds }, null)
  const wantsSimulator = Object.entries(kinds).some(
    ([name, { simulation }]) => simulation?.isConfigured(settingsOf(name), env) === false,
  )
  return { environment, config, secrets, kinds, warnings, wantsSimulator }
}

/** null: it could not be read, and the mistakes say why. */
function orMistakes<T>(mistakes: string[], read: () => T): T | null {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof ConfigMistakes)) throw cause
    mistakes.push(...cause.lines)
    return null
  }
}

function readEnvironment(given: string | undefined): Environment {
  if (given === undefined || given === '' || given === 'dev') return 'dev'
  if (given === 'prod') return 'prod'
  throw new ConfigMistakes([`environment ENV: ${JSON.stringify(given)}; allowed: dev or prod`])
}

function filesOf(environment: Environment | null, env: Env, flag: string | undefined): string[] {
  if (flag !== undefined) return [named('flag --config', flag)]
  const { PODGATE_CONFIG: file = '' } = env
  if (file !== '') return [named('environment PODGATE_CONFIG', file)]
  const usual = `configs/${environment}/gateway.yaml`
  return environment !== null && existsSync(usual) ? [usual] : []
}

/** The usual file may be absent; one that somebody named is expected to be there. */
function named(where: string, file: string): string {
  if (existsSync(file)) return file
  throw new ConfigMistakes([`${where}: ${file} is not there`])
}

/** Names of what is not built yet: whoever sets one must hear that it has no effect. */
const keptForLater = {
  DATABASE_URL: 'the registry and the ledger are SQLite files (SQLITE_DB_PATH)',
  REDIS_URL: 'limits are counted in each gateway',
}

/** A bootstrap key that is the admin key too lets every client that has it administer. */
function oneKeyForAll({ apiKeys, adminKey }: Secrets): string[] {
  return apiKeys.flatMap((key, index) =>
    key === adminKey
      ? [`environment API_KEYS, entry ${index + 1}: is API_ADMIN_KEY too: it may do all`]
      : [],
  )
}

/** Shorter keys were made by hand and may be guessed; they are accepted all the same. */
const goodLengthMin = 24

function shortKeys({ apiKeys, adminKey }: Secrets): string[] {
  const named = [
    ...apiKeys.map((key, index) => [`API_KEYS, entry ${index + 1}`, key] as const),
    ...(adminKey === null ? [] : [['API_ADMIN_KEY', adminKey] as const]),
  ]
  return named
    .filter(([, key]) => key.length < goodLengthMin)
    .map(([name, { length }]) => {
      const allowed = `${goodLengthMin} or more are hard to guess`
      return `environment ${name}: has ${length} characters; ${allowed}`
    })
}

function withoutEffect(env: Env): string[] {
  return Object.entries(keptForLater).flatMap(([name, instead]) =>
    (env[name] ?? '') === '' ? [] : [`environment ${name}: has no effect yet: ${instead}`],
  )
}
