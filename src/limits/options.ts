// What a key may ask for when nothing else is said of it.
import { z } from 'zod'

export const limitsOptions = z.object({
  requestsPerMinute: z
    .int()
    .min(1)
    .default(100)
    .describe('requests per minute of a key that has no limit of its own'),
  concurrencyMax: z
    .int()
    .min(1)
    .nullable()
    .default(null)
    .describe('calls at once of a key that has no limit of its own; null: as many as it likes'),
})

export type LimitsOptions = z.output<typeof limitsOptions>
