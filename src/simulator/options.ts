// What can be set about the simulator, with defaults that make `npm start` pleasant: a cold start
// of two seconds, and token timing of the real machines. The timing parameters of an endpoint are
// explained in engine/batch.ts.
import { z } from 'zod'
import { faultRule } from './control/fault-rules.ts'
import { edgeOptions } from './edge/edge-options.ts'
import { fleetOptions, fleetOverrides } from './endpoint/fleet-options.ts'
import { engineOptions, lostCancelShare } from './engine/engine-options.ts'
import { externalOptions } from './external/external-options.ts'
import { jobOptions } from './jobs/job-options.ts'
import { managementRooms } from './management/management-rooms.ts'
import { quotaLimits } from './management/quota.ts'
import { providerName } from './provider/provider-name.ts'
import { personality } from './worker/personality.ts'

const timing = z.strictObject({
  stepMs: z.number().min(0).describe('Time of one decoding step with an empty batch.'),
  stepPerSequenceMs: z.number().min(0).describe('What each running sequence adds to a step.'),
  prefillMsPer1k: z.number().min(0).describe('Time to read 1,000 prompt tokens.'),
})

/** What can stand in an address and a host name, and is not a part of the management API. */
const endpointId = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/, 'an id is made of letters, digits, - and _')
  .refine((id) => !managementRooms.includes(id), 'the management API is at this address')
  .refine((id) => id !== providerName, 'the provider has this name')

const endpoint = z.strictObject({
  model: z.string().min(1).describe('The name that the model is served under.'),
  kind: z
    .enum(['generate', 'pooling'])
    .default('generate')
    .describe('Makes text, or embeddings and scores.'),
  type: z
    .enum(['queue', 'load-balancer'])
    .default('queue')
    .describe('Jobs in a queue, or calls that go straight to the HTTP server of a worker.'),
  contextTokens: z.int().min(1).default(16_384).describe('Prompt and answer together.'),
  embeddingSize: z.int().min(1).default(384).describe('Numbers in an embedding.'),
  ...personality,
  timing: timing
    .default({ stepMs: 13.3, stepPerSequenceMs: 0.7, prefillMsPer1k: 80 })
    .describe('How long a decoding step takes, what each sequence adds, and reading 1,000 tokens.'),
  engine: engineOptions.prefault({}).describe('How its vLLM servers are started.'),
  fleet: fleetOverrides.default({}).describe('What is different about its workers.'),
})

const qwen = {
  model: 'Qwen/Qwen2-7B-Instruct',
  contextTokens: 32_768,
  timing: { stepMs: 16, stepPerSequenceMs: 0.2, prefillMsPer1k: 110 },
  engine: { kvTokens: 90_000 },
  fleet: { gpuPool: 'ADA_24', gpus: 1 },
}

// Mixtral: FP8 on 4 H100s, fitted to vLLM's published sweep (14.4 to 42.3 ms per token at 1 to 6
// requests a second). The others are estimates from the memory bandwidth of one smaller card.
const defaultEndpoints = {
  'sim-mixtral': {
    model: 'mistralai/Mixtral-8x22B-Instruct-v0.1',
    contextTokens: 16_384,
    timing: { stepMs: 13.3, stepPerSequenceMs: 0.7, prefillMsPer1k: 80 },
    engine: { kvTokens: 600_000 },
    fleet: { gpuPool: 'ADA_80_PRO', gpus: 4 },
  },
  'sim-qwen': qwen,
  // A second endpoint for the same model, with workers of its own.
  'sim-qwen-b': qwen,
  'sim-phi': {
    model: 'microsoft/phi-2',
    contextTokens: 2048,
    timing: { stepMs: 8, stepPerSequenceMs: 0.15, prefillMsPer1k: 60 },
    engine: { kvTokens: 24_000 },
    fleet: { gpuPool: 'AMPERE_24', gpus: 1 },
  },
  'sim-embed': {
    model: 'BAAI/bge-small-en-v1.5',
    kind: 'pooling' as const,
    contextTokens: 512,
    timing: { stepMs: 4, stepPerSequenceMs: 0.05, prefillMsPer1k: 4 },
    fleet: { gpuPool: 'AMPERE_16', gpus: 1 },
  },
}

export const simulatorOptions = z.object({
  host: z.string().default('127.0.0.1').describe('Address to listen on.'),
  port: z.int().min(0).max(65_535).default(8090).describe('0 takes a free port.'),
  key: z.string().min(1).default('sim-key').describe('What RunPod would call an API key.'),
  providerKey: z
    .string()
    .min(1)
    .default('sim-provider-key')
    .describe('The key of the external provider.'),
  seed: z.int().default(0).describe('The same seed and the same calls give the same texts.'),
  speed: z.number().positive().default(1).describe('1 is real time, 10 is ten times as fast.'),
  clock: z
    .enum(['real', 'manual'])
    .default('real')
    .describe('manual: time stands still until POST /__control/clock moves it.'),
  clockStart: z.iso
    .datetime()
    .default('2026-01-01T00:00:00Z')
    .describe('When a manual clock begins; always the same, so that runs can be compared.'),
  ...fleetOptions,
  seqsMax: z.int().min(1).default(256).describe('Sequences in one batch of an engine.'),
  lostCancelShare,
  queueMax: z.int().min(1).default(10_000).describe('Jobs waiting at one endpoint; then 429.'),
  jobsMax: z.int().min(1).default(10_000).describe('Jobs remembered by one endpoint.'),
  ...jobOptions,
  ...edgeOptions,
  ...externalOptions,
  managementQuota: quotaLimits
    .default({ minute: 60, hour: 3000, day: 50_000 })
    .describe('Requests to the management API in each of these times.'),
  faults: z.array(faultRule).default([]).describe('Fault rules that stand from the start.'),
  endpoints: z
    .record(endpointId, endpoint)
    .prefault(defaultEndpoints)
    .describe('The endpoints that there are from the start, by their ids.'),
})

export type SimulatorOptions = z.output<typeof simulatorOptions>
export type EndpointOptions = SimulatorOptions['endpoints'][string]
