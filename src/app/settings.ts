// Everything a process is told from outside, read once: which environment it runs in, its
// configuration, and its secrets apart.
import { existsSync } from 'node:fs'
import { ConfigMistakes, loadConfig, loadEnvFile, readSecrets, type Secrets } from '#config'
import { type Config, configSchema, envNames, otherEnvNames } from './config-schema.ts'

export type Environment = 'dev' | 'prod'

export interface Settings {
  environment: Environment
  config: Config
  secrets: Secrets
  warnings: readonly string[]
  /** RunPod was configured, in whole or in part. */
  hasRunpod: boolean
}

type Env = Record<string, string | undefined>

export function readSettings(given: Env, flags: Readonly<Record<string, unknown>>): Settings {
  const env = { ...given }
  loadEnvFile('configs/local.env', env)
  const environment = readEnvironment(env.ENV)
  const file = `configs/${environment}/gateway.yaml`
  const { config, warnings } = loadConfig(configSchema, {
    env,
    envNames,
    otherEnvNames,
    files: existsSync(file) ? [file] : [],
    flags,
  })
  const secrets = readSecrets(env)
  const hasRunpod =
    secrets.runpodApiKey !== null ||
    config.runpod.endpointId !== null ||
    (env.RUNPOD_BASE_URL ?? '') !== ''
  return { environment, config, secrets, warnings, hasRunpod }
}

function readEnvironment(given: string | undefined): Environment {
  if (given === undefined || given === '' || given === 'dev') return 'dev'
  if (given === 'prod') return 'prod'
  throw new ConfigMistakes([`environment ENV: ${JSON.stringify(given)}; allowed: dev or prod`])
}
