// How many calls may wait for a place.
import { z } from 'zod'

export const routingOptions = z.object({
  waitingMax: z
    .int()
    .min(0)
    .default(100)
    .describe('calls that may wait for a place at one deployment'),
  busyPauseMs: z
    .int()
    .min(1)
    .default(250)
    .describe('how long a deployment is left alone that says it is full; doubles up to 16 times'),
})

export type RoutingOptions = z.output<typeof routingOptions>
