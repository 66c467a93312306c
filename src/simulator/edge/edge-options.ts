// What can be set about the doors of the platform: what the network in front allows, how often and
// how much may be asked, and how long a load balancer waits.
import { z } from 'zod'
import { amount, count, off, wholeMs } from '../knobs.ts'

const mebibyte = 1024 * 1024

export const edgeOptions = {
  edgeTimeoutMs: wholeMs
    .default(0)
    .describe('RunPod: 100,000. No first byte in this time is an HTML 524; 0 waits for ever.'),
  streamLifetimeMs: wholeMs
    .default(300_000)
    .describe('A stream of the OpenAI route ends after this, without a word; 0: never.'),
  disconnectCancels: off.describe('Whether a client that leaves the OpenAI route stops its job.'),
  routeErrors: z
    .enum(['string', 'vllm'])
    .default('string')
    .describe('A failed job on the OpenAI route: a bare 500 string, or what vLLM said.'),
  rateLimits: off.describe('RunPod: true. Whether the limits per operation and endpoint hold.'),
  rateLimitPerWorker: amount.describe(
    'What a running worker adds up to: limits are the base or workers times this.',
  ),
  openaiBodyMaxBytes: count
    .default(10 * mebibyte)
    .describe('The largest body on the OpenAI route; RunPod does not say.'),
  workerWaitMs: wholeMs
    .default(120_000)
    .describe('Load balancer: how long a call waits for a worker.'),
  strictWorkerWaitMs: wholeMs
    .default(300_000)
    .describe('Load balancer: the same for the one worker that the call insists on.'),
  balancedCallMs: count.default(330_000).describe('Load balancer: how long a call may take.'),
}
