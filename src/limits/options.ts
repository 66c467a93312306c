// The limits of a key that has none of its own.
import { z } from 'zod'

export const limitsOptions = z.object({
  requestsPerMinute: z
    .int()
    .min(1)
    .default(100)
    .describe('requests per minute of a key that has no limit of its own'),
  tokensPerMinute: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('tokens per minute of a key that has no limit of its own; null: as many as it likes'),
  concurrencyMax: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'calls at once, counted by sequences, of a key that has no limit of its own; ' +
        'null: as many as it likes',
    ),
  concurrencyWaitingMax: z
    .int()
    .min(0)
    .default(20)
    .describe('calls of one key that may wait for a place among its calls at once'),
  concurrencyWaitMs: z
    .int()
    .min(0)
    .default(30_000)
    .describe('how long a call waits for a place among its key’s calls at once; 0: not at all'),
})

export type LimitsOptions = z.output<typeof limitsOptions>
