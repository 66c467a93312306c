// How many calls may wait for a place.
import { z } from 'zod'

export const routingOptions = z.object({
  waitingMax: z
    .int()
    .min(0)
    .default(100)
    .describe('calls that may wait for a place at one deployment'),
})

export type RoutingOptions = z.output<typeof routingOptions>
