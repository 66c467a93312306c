// Deadlines and bounds of every exchange with an upstream. undici's own timers sit above ours as a
// backstop: there is one authority over time.
import { z } from 'zod'

export const upstreamOptions = z.object({
  connectMs: z.int().min(1).default(5_000).describe('to open a connection'),
  firstByteMs: z
    .int()
    .min(1)
    .default(280_000)
    .describe('from the request to the first event, cold start included'),
  betweenChunksMs: z.int().min(1).default(60_000).describe('silence within an answer'),
  orphanHoldMs: z
    .int()
    .min(0)
    .default(15_000)
    .describe('how long a place stays taken after a cancellation that cannot be proven'),
  warmForMs: z
    .int()
    .min(0)
    .default(60_000)
    .describe('how long after its last answer a deployment that scales to zero counts as warm'),
  eventBytesMax: z.int().min(1024).default(8_388_608).describe('the largest event of a stream'),
  answerBytesMax: z.int().min(1024).default(33_554_432).describe('the largest whole answer'),
  inflightAnswerBytesMax: z
    .int()
    .min(1_048_576)
    .default(268_435_456)
    .describe('all answers together that are being read, beyond which large ones are refused'),
  bufferedBytesMax: z
    .int()
    .min(1024)
    .default(16_384)
    .describe('events held for a client that reads slowly, before the upstream is paused'),
  origins: z
    .array(z.string().refine(isOrigin, 'an origin such as https://vllm.example:8000'))
    .default([])
    .describe(
      'where deployments may be pointed through /admin, beside the origin of runpod.baseUrl',
    ),
})

/** An address without a path, a query or a password. */
function isOrigin(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`
}

export type UpstreamOptions = z.output<typeof upstreamOptions>
