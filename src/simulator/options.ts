// What can be set about the simulator, with defaults that make `npm start` pleasant: a cold start
// of two seconds, and token timing of the real machines. The timing parameters of an endpoint are
// explained in engine/batch.ts.
import { z } from 'zod'

const timing = z.object({
  stepMs: z.number().min(0).describe('Time of one decoding step with an empty batch.'),
  stepPerSequenceMs: z.number().min(0).describe('What each running sequence adds to a step.'),
  prefillMsPer1k: z.number().min(0).describe('Time to read 1,000 prompt tokens.'),
})

const endpoint = z.object({
  model: z.string().min(1).describe('The name that the model is served under.'),
  kind: z.enum(['generate', 'pooling']).default('generate'),
  contextTokens: z.int().min(1).default(16_384),
  embeddingSize: z.int().min(1).default(384),
  timing: timing.default({ stepMs: 13.3, stepPerSequenceMs: 0.7, prefillMsPer1k: 80 }),
})

// Mixtral: FP8 on 4 H100s, fitted to vLLM's published sweep (14.4 to 42.3 ms per token at 1 to 6
// requests a second). The others are estimates from the memory bandwidth of one smaller card.
const defaultEndpoints = {
  'sim-mixtral': {
    model: 'mistralai/Mixtral-8x22B-Instruct-v0.1',
    kind: 'generate' as const,
    contextTokens: 16_384,
    embeddingSize: 384,
    timing: { stepMs: 13.3, stepPerSequenceMs: 0.7, prefillMsPer1k: 80 },
  },
  'sim-qwen': {
    model: 'Qwen/Qwen2-7B-Instruct',
    kind: 'generate' as const,
    contextTokens: 32_768,
    embeddingSize: 384,
    timing: { stepMs: 16, stepPerSequenceMs: 0.2, prefillMsPer1k: 110 },
  },
  'sim-phi': {
    model: 'microsoft/phi-2',
    kind: 'generate' as const,
    contextTokens: 2048,
    embeddingSize: 384,
    timing: { stepMs: 8, stepPerSequenceMs: 0.15, prefillMsPer1k: 60 },
  },
  'sim-embed': {
    model: 'BAAI/bge-small-en-v1.5',
    kind: 'pooling' as const,
    contextTokens: 512,
    embeddingSize: 384,
    timing: { stepMs: 4, stepPerSequenceMs: 0.05, prefillMsPer1k: 4 },
  },
}

export const simulatorOptions = z.object({
  host: z.string().default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(8090).describe('0 takes a free port.'),
  key: z.string().min(1).default('sim-key').describe('What RunPod would call an API key.'),
  seed: z.int().default(0).describe('The same seed and the same calls give the same texts.'),
  speed: z.number().positive().default(1).describe('1 is real time, 10 is ten times as fast.'),
  coldMs: z.int().min(0).default(2000).describe('From the first request to a worker ready.'),
  idleTimeoutMs: z.int().min(1).default(60_000).describe('An idle worker stops after this.'),
  workersMax: z.int().min(1).default(3).describe('Workers per endpoint.'),
  slotsPerWorker: z.int().min(1).default(30).describe('Jobs that a worker takes at a time.'),
  seqsMax: z.int().min(1).default(256).describe('Sequences in one batch of an engine.'),
  queueMax: z.int().min(1).default(10_000).describe('Jobs waiting at one endpoint; then 429.'),
  jobsMax: z.int().min(1).default(10_000).describe('Jobs remembered by one endpoint.'),
  executionTimeoutMs: z.int().min(1).default(600_000).describe('A job running longer fails.'),
  edgeTimeoutMs: z
    .int()
    .min(0)
    .default(0)
    .describe('RunPod: 100,000. No first byte in this time is an HTML 524; 0 waits for ever.'),
  disconnectCancels: z
    .boolean()
    .default(false)
    .describe('Whether a client that leaves the OpenAI route stops its job.'),
  routeErrors: z
    .enum(['string', 'vllm'])
    .default('string')
    .describe('A failed job on the OpenAI route: a bare 500 string, or what vLLM said.'),
  endpoints: z.record(z.string(), endpoint).default(defaultEndpoints),
})

export type SimulatorOptions = z.output<typeof simulatorOptions>
export type EndpointOptions = SimulatorOptions['endpoints'][string]
