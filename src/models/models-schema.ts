// What may stand in `models.yaml`. Prices are dollars per million tokens and must come out as whole
// nano-dollars per token, so that sums stay exact.
import { z } from 'zod'
import { type Deployment, type Model, nanoUsdFromUsd, nanoUsdPerToken } from '#domain'

/** Without a birthday: the registry knows when it saw a model first. */
export type ModelEntry = Omit<Model, 'createdAtMs'>

const surfaceNames = ['openai-chat', 'openai-completions', 'embeddings'] as const

const name = z
  .string()
  .regex(/^[\w./:@+-]{1,128}$/, 'allowed: 1 to 128 letters, digits and . _ / : @ + -')

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

const modelSchema = z.strictObject({
  id: name,
  ownedBy: z.string().min(1).max(128).default('podgate'),
  surfaces: z.array(z.enum(surfaceNames)).min(1),
  contextTokens: z.int().min(1).max(100_000_000),
  prices: z.strictObject({
    prompt: pricePerMillion,
    completion: pricePerMillion,
    // When it is not said, a prompt token from the prefix cache costs as much as any other.
    cached: pricePerMillion.optional(),
  }),
  deployments: z.array(deploymentSchema).max(64),
})

export const modelsFileSchema = z.strictObject({ models: z.array(modelSchema).max(1000) })

export type WrittenModel = z.infer<typeof modelSchema>

export function entryOf(written: WrittenModel): ModelEntry {
  const { prompt, completion, cached = prompt } = written.prices
  return {
    id: written.id,
    ownedBy: written.ownedBy,
    surfaces: written.surfaces,
    contextTokens: written.contextTokens,
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

function deploymentOf(written: WrittenModel['deployments'][number]): Deployment {
  const { gpu, ...rest } = written
  if (gpu === undefined) return { ...rest, gpu: null }
  const nanoUsdPerSecond = nanoUsdFromUsd(gpu.usdPerSecond)
  return { ...rest, gpu: { type: gpu.type, count: gpu.count, nanoUsdPerSecond } }
}
