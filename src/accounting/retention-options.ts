// How long calls are kept, as configuration says it.
import { z } from 'zod'

export const retentionOptions = z.object({
  ledgerDays: z
    .int()
    .min(1)
    .max(36_600)
    .nullable()
    .default(null)
    .describe('days after which calls are deleted from the ledger; null: never'),
})
