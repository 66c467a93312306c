// How long a call may take, and how a waiting client is kept company.
import { z } from 'zod'

export const relayOptions = z.object({
  totalMs: z.int().min(1).default(600_000).describe('the longest that a call may take'),
  keepAliveMs: z
    .int()
    .min(1)
    .default(10_000)
    .describe('silence on a stream before a comment is sent'),
  slowClientMs: z
    .int()
    .min(1)
    .default(30_000)
    .describe('how long a client may leave its answer unread before it is cut off'),
})

export type RelayOptions = z.output<typeof relayOptions>
