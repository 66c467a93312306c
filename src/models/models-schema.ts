// The schema of `models.yaml`. Prices are dollars per million tokens and must be whole nano-dollars
// per token, so that sums stay exact.
import { z } from 'zod'
import {
  capabilities,
  chatRolesMax,
  type Deployment,
  type Model,
  nanoUsdFromUsd,
  nanoUsdPerToken,
  routingPolicies,
} from '#domain'

type DeploymentEntry = Omit<Deployment, 'isDisabled'>

/**
 * A model without `createdAtMs` and `isDisabled`: the registry keeps both when a file is applied.
 */
export interface ModelEntry extends Omit<Model, 'createdAtMs' | 'isDisabled' | 'deployments'> {
  deployments: readonly DeploymentEntry[]
}

const surfaceNames = ['openai-chat', 'openai-completions', 'embeddings'] as const

/** Clients put a name into a URL, where `..` would remove the segment before it. */
const name = z
  .string()
  .regex(/^[\w./:@+-]{1,128}$/, 'allowed: 1 to 128 letters, digits and . _ / : @ + -')
  .refine((id) => !id.split('/').some((part) => part === '.' || part === '..'), {
    error: "not allowed: '.' or '..' between slashes",
  })

const pricePerMillion = z
  .number()
  .min(0)
  .max(1_000_000)
  .refine((usd) => nanoUsdPerToken(usd) !== null, {
    error: 'allowed: USD per million tokens, in steps of 0.001',
  })

/** A day at most: a timer of more than 24 days would end at once. */
function milliseconds(least: number) {
  return z.int().min(least).max(86_400_000)
}

export const deploymentSchema = z.strictObject({
  id: name.describe('its name in logs, metrics and headers; unique in the registry'),
  kind: z.string().min(1).describe('how it is reached: one of the kinds below'),
  servedName: z.string().min(1).max(256).describe('the model’s name on the server behind it'),
  slots: z
    .int()
    .min(1)
    .max(100_000)
    .describe('sequences that may be generated there at once when it is warm'),
  weight: z
    .int()
    .min(0)
    .max(1000)
    .default(1)
    .describe('its share of the calls under `routing: weighted`; 0 drains it'),
  thirdParty: z
    .boolean()
    .optional()
    .describe(
      'somebody else’s: asked only where model and key allow it; true by default where its ' +
        '`options` have an `apiKeyEnv` and it is not its model’s first, else false',
    ),
  firstByteMs: milliseconds(1)
    .optional()
    .describe('from the request to the first event; `upstreams.firstByteMs` where not given'),
  orphanHoldMs: milliseconds(0)
    .optional()
    .describe(
      'how long a place stays taken after a cancellation that cannot be proven; ' +
        '`upstreams.orphanHoldMs` where not given',
    ),
  warmForMs: milliseconds(0)
    .optional()
    .describe(
      'how long after its last answer it counts as warm, where it scales to zero; ' +
        '`upstreams.warmForMs` where not given',
    ),
  gpu: z
    .strictObject({
      type: z.string().min(1).max(64).describe('such as H100'),
      count: z.int().min(1).max(1024).describe('of one worker'),
      usdPerSecond: z.number().min(0).max(1000).describe('of one GPU'),
    })
    .optional(),
  options: z.record(z.string(), z.unknown()).default({}).describe('the options of its kind'),
})

/** No body can ask for more. */
const sequencesBound = 8192

/** Where a model differs from the usual policy; see `ModelPolicy` in `domain`. */
const policySchema = z.strictObject({
  templateArguments: z.array(z.string().min(1).max(64)).max(64).exactOptional(),
  cacheSalt: z.boolean().exactOptional(),
  remoteMedia: z.boolean().exactOptional(),
  trustedMedia: z.boolean().exactOptional(),
  allowThirdParty: z.boolean().exactOptional(),
  roles: z.array(z.string().min(1).max(64)).max(chatRolesMax).exactOptional(),
  sequencesMax: z.int().min(1).max(sequencesBound).exactOptional(),
  completionTokens: z.int().min(1).exactOptional(),
  templateTokens: z.int().min(0).max(1_000_000).exactOptional(),
  outputTokensMax: z.int().min(1).nullable().exactOptional(),
})

export const modelSchema = z.strictObject({
  id: name.describe('what clients ask for'),
  ownedBy: z.string().min(1).max(128).default('podgate').describe('shown in /v1/models'),
  aliases: z.array(name).max(32).default([]).describe('other names that it answers to'),
  surfaces: z.array(z.enum(surfaceNames)).min(1).describe('the routes that it has'),
  capabilities: z
    .array(z.enum(capabilities))
    .max(capabilities.length)
    .default([])
    .describe('shown in /v1/models; images and video need vision, sound needs audio'),
  contextTokens: z
    .int()
    .min(1)
    .max(100_000_000)
    .describe('of a prompt and its answer together; it bounds what a call may be charged for'),
  prices: z.strictObject({
    prompt: pricePerMillion.describe('USD per million tokens, in steps of 0.001'),
    completion: pricePerMillion.describe('USD per million tokens, in steps of 0.001'),
    cached: pricePerMillion
      .optional()
      .describe('of prompt tokens from the prefix cache; as any other where it is not given'),
  }),
  deployments: z.array(deploymentSchema).max(64).describe('what serves it, see below'),
  routing: z
    .enum(routingPolicies)
    .default('order')
    .describe(
      'which of those that may answer is asked: the first, one by its weight, the least busy',
    ),
  policy: policySchema.exactOptional(),
})

export const modelsFileSchema = z.strictObject({ models: z.array(modelSchema).max(1000) })

export type WrittenModel = z.infer<typeof modelSchema>

export function entryOf(written: WrittenModel): ModelEntry {
  const { prompt, completion, cached = prompt } = written.prices
  return {
    ...written,
    prices: {
      promptNanoUsd: nanoUsdPerMillion(prompt),
      completionNanoUsd: nanoUsdPerMillion(completion),
      cachedNanoUsd: nanoUsdPerMillion(cached),
    },
    deployments: written.deployments.map(deploymentOf),
  }
}

function nanoUsdPerMillion(usd: number): number {
  const nanoUsd = nanoUsdPerToken(usd)
  if (nanoUsd === null) throw new RangeError('A price that the schema let through is not whole.')
  return nanoUsd
}

function deploymentOf(
  written: WrittenModel['deployments'][number],
  position: number,
): DeploymentEntry {
  const { gpu, thirdParty, firstByteMs, orphanHoldMs, warmForMs, ...rest } = written
  return {
    ...rest,
    isThirdParty: thirdParty ?? isUsuallyThirdParty(rest.options, position),
    firstByteMs: firstByteMs ?? null,
    orphanHoldMs: orphanHoldMs ?? null,
    warmForMs: warmForMs ?? null,
    gpu:
      gpu === undefined
        ? null
        : { type: gpu.type, count: gpu.count, nanoUsdPerSecond: nanoUsdFromUsd(gpu.usdPerSecond) },
  }
}

/**
 * Older versions only ever asked the first deployment. A later one with a key of its own is most
 * often a provider, which must not get prompts until the operator says so.
 */
function isUsuallyThirdParty(options: Record<string, unknown>, position: number): boolean {
  return position > 0 && options.apiKeyEnv !== undefined
}
