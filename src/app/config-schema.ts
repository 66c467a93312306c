// The whole configuration, composed from the options of the rooms and of the kinds of upstream, and
// the environment variables that set some of them. docs/configuration.md is generated from here.
import { z } from 'zod'
import { retentionOptions } from '#accounting'
import { httpOptions } from '#http'
import { limitsOptions } from '#limits'
import { relayOptions } from '#relay'
import { routingOptions } from '#routing'
import { storageOptions } from '#storage'
import { kinds, type UpstreamKinds, upstreamOptions } from '#upstreams'

const logOptions = z.object({
  level: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('the least level that is written'),
})

/** The options that the gateway itself reads. Those of a kind are read by that kind alone. */
export type Config = z.output<ReturnType<typeof configurationOf>['schema']>

/** What can be configured where these kinds of upstream can be asked. */
export function configurationOf(table: UpstreamKinds = kinds) {
  const declared = Object.entries(table)
  const sections = declared.flatMap(([name, { section }]) =>
    section === undefined ? [] : [[name, section] as const],
  )
  const kindEnvNames = declared.flatMap(([name, { envNames = {} }]) =>
    Object.entries(envNames).map(([variable, option]) => [variable, `${name}.${option}`] as const),
  )
  const kindSecrets = declared.flatMap(([, { secrets = [] }]) => secrets)
  return {
    schema: z.object({
      http: httpOptions,
      limits: limitsOptions,
      relay: relayOptions,
      routing: routingOptions,
      upstreams: upstreamOptions,
      storage: storageOptions,
      retention: retentionOptions,
      ...Object.fromEntries(sections),
      log: logOptions,
    }),
    /** Environment name → dotted path of the option that it sets. */
    envNames: { ...envNames, ...Object.fromEntries(kindEnvNames) },
    /** Known, but no options: secrets, and what the worker's image or later parts read. */
    otherEnvNames: [...otherEnvNames, ...kindSecrets.filter((name) => typeof name === 'string')],
    /** Names and patterns of the kinds' secrets. */
    kindSecrets,
  }
}

const envNames = {
  API_HOST: 'http.host',
  API_PORT: 'http.port',
  API_MAX_BODY_BYTES: 'http.bodyBytesMax',
  API_TRUST_PROXY: 'http.trustProxy',
  API_RATE_LIMIT_RPM: 'limits.requestsPerMinute',
  API_RATE_LIMIT_TPM: 'limits.tokensPerMinute',
  LOG_LEVEL: 'log.level',
  SQLITE_DB_PATH: 'storage.path',
}

const otherEnvNames = [
  'ENV',
  'PODGATE_CONFIG',
  'API_KEYS',
  'API_ADMIN_KEY',
  'MODEL_NAME',
  'HF_TOKEN',
  'DATABASE_URL',
  'REDIS_URL',
  'LLMD_ENDPOINT',
  'OPENROUTER_API_KEY',
]
