// What may stand in `models.yaml`. Prices are dollars per million tokens and must come out as whole
// nano-dollars per token, so that sums stay exact.
import { z } from 'zod'
import { capabilities, type Deployment, type Model, nanoUsdFromUsd, nanoUsdPerToken } from '#domain'

type DeploymentEntry = Omit<Deployment, 'isDisabled'>

/**
 * Without a birthday, and without what an operator switched off: both are the registry's own, and
 * stay as they are when a file is applied.
 */
export interface ModelEntry extends Omit<Model, 'createdAtMs' | 'isDisabled' | 'deployments'> {
  deployments: readonly DeploymentEntry[]
}

const surfaceNames = ['openai-chat', 'openai-completions', 'embeddings'] as const

/** Clients put it into a URL, from which `..` would take the segment before it away. */
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

const deploymentSchema = z.strictObject({
  id: name,
  kind: z.string().min(1),
  servedName: z.string().min(1).max(256),
  slots: z.int().min(1).max(100_000),
  gpu: z
    .strictObject({
      type: z.string().min(1).max(64),
      count: z.int().min(1).max(1024),
      usdPerSecond: z.number().min(0).max(1000),
    })
    .optional(),
  options: z.record(z.string(), z.unknown()).default({}),
})

/** Where a model differs from what every model allows; see `ModelPolicy` in `domain`. */
const policySchema = z.strictObject({
  templateArguments: z.array(z.string().min(1).max(64)).max(64).exactOptional(),
  cacheSalt: z.boolean().exactOptional(),
  remoteMedia: z.boolean().exactOptional(),
  trustedMedia: z.boolean().exactOptional(),
  completionTokens: z.int().min(1).exactOptional(),
  outputTokensMax: z.int().min(1).nullable().exactOptional(),
})

const modelSchema = z.strictObject({
  id: name,
  ownedBy: z.string().min(1).max(128).default('podgate'),
  aliases: z.array(name).max(32).default([]),
  surfaces: z.array(z.enum(surfaceNames)).min(1),
  capabilities: z.array(z.enum(capabilities)).max(capabilities.length).default([]),
  contextTokens: z.int().min(1).max(100_000_000),
  prices: z.strictObject({
    prompt: pricePerMillion,
    completion: pricePerMillion,
    // When it is not said, a prompt token from the prefix cache costs as much as any other.
    cached: pricePerMillion.optional(),
  }),
  deployments: z.array(deploymentSchema).max(64),
  policy: policySchema.exactOptional(),
})

export const modelsFileSchema = z.strictObject({ models: z.array(modelSchema).max(1000) })

export type WrittenModel = z.infer<typeof modelSchema>

export function entryOf(written: WrittenModel): ModelEntry {
  const { prompt, completion, cached = prompt } = written.prices
  return {
    id: written.id,
    ownedBy: written.ownedBy,
    aliases: written.aliases,
    surfaces: written.surfaces,
    capabilities: written.capabilities,
    contextTokens: written.contextTokens,
    prices: {
      promptNanoUsd: nanoUsdPerMillion(prompt),
      completionNanoUsd: nanoUsdPerMillion(completion),
      cachedNanoUsd: nanoUsdPerMillion(cached),
    },
    deployments: written.deployments.map(deploymentOf),
    ...(written.policy === undefined ? {} : { policy: written.policy }),
  }
}

function nanoUsdPerMillion(usd: number): number {
  const nanoUsd = nanoUsdPerToken(usd)
  if (nanoUsd === null) throw new RangeError('A price that the schema let through is not whole.')
  return nanoUsd
}

function deploymentOf(written: WrittenModel['deployments'][number]): DeploymentEntry {
  const { gpu, ...rest } = written
  if (gpu === undefined) return { ...rest, gpu: null }
  const nanoUsdPerSecond = nanoUsdFromUsd(gpu.usdPerSecond)
  return { ...rest, gpu: { type: gpu.type, count: gpu.count, nanoUsdPerSecond } }
}
