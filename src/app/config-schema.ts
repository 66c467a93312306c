// The whole configuration, composed from the rooms' own options, and the environment variables that
// set some of them. docs/configuration.md is generated from here.
import { z } from 'zod'
import { retentionOptions } from '#accounting'
import { httpOptions } from '#http'
import { limitsOptions } from '#limits'
import { relayOptions } from '#relay'
import { routingOptions } from '#routing'
import { storageOptions } from '#storage'
import { upstreamOptions } from '#upstreams'

export const runpodBaseUrl = 'https://api.runpod.ai/v2'

const runpodOptions = z.object({
  baseUrl: z
    .url({ protocol: /^https?$/ })
    .default(runpodBaseUrl)
    .describe('root of RunPod’s job API'),
  endpointId: z
    .string()
    .regex(/^[\w-]{1,64}$/)
    .nullable()
    .default(null)
    .describe('the endpoint of deployments that do not name their own'),
})

const logOptions = z.object({
  level: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('the least level that is written'),
})

export const configSchema = z.object({
  http: httpOptions,
  limits: limitsOptions,
  relay: relayOptions,
  routing: routingOptions,
  upstreams: upstreamOptions,
  storage: storageOptions,
  retention: retentionOptions,
  runpod: runpodOptions,
  log: logOptions,
})

export type Config = z.output<typeof configSchema>

export const envNames: Readonly<Record<string, string>> = {
  API_HOST: 'http.host',
  API_PORT: 'http.port',
  API_MAX_BODY_BYTES: 'http.bodyBytesMax',
  API_TRUST_PROXY: 'http.trustProxy',
  API_RATE_LIMIT_RPM: 'limits.requestsPerMinute',
  API_RATE_LIMIT_TPM: 'limits.tokensPerMinute',
  LOG_LEVEL: 'log.level',
  RUNPOD_BASE_URL: 'runpod.baseUrl',
  RUNPOD_ENDPOINT_ID: 'runpod.endpointId',
  SQLITE_DB_PATH: 'storage.path',
}

/** Known, but no options: secrets, and what the worker's image or later parts read. */
export const otherEnvNames: readonly string[] = [
  'ENV',
  'PODGATE_CONFIG',
  'API_KEYS',
  'API_ADMIN_KEY',
  'RUNPOD_API_KEY',
  'MODEL_NAME',
  'HF_TOKEN',
  'DATABASE_URL',
  'REDIS_URL',
  'LLMD_ENDPOINT',
  'OPENROUTER_API_KEY',
]
