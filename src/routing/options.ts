// How many calls may wait for a place, and how long for one at a deployment that is full.
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
  fullWaitMs: z
    .int()
    .min(0)
    .default(20_000)
    .describe('how long a call waits for a deployment that says it is full, before it is a 429'),
})

export type RoutingOptions = z.output<typeof routingOptions>
