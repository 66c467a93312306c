// How many calls may wait before a model, how long, and which of routing's rules are switched on.
import { z } from 'zod'

export const routingOptions = z.object({
  waitingMax: z
    .int()
    .min(0)
    .default(100)
    .describe('calls that may wait in the line before one model'),
  busyPauseMs: z
    .int()
    .min(1)
    .default(250)
    .describe('how long a deployment is left alone that says it is full; doubles up to 16 times'),
  fallbackAfterMs: z
    .int()
    .min(0)
    .default(2_000)
    .describe('how long a call waits for a deployment of its model’s own before one of others'),
  circuits: z
    .boolean()
    .default(true)
    .describe('whether a deployment that keeps failing is left alone; false: it is always asked'),
  retries: z
    .boolean()
    .default(true)
    .describe('whether a call that failed before the client saw anything may be tried again'),
  fullWaitMs: z
    .int()
    .min(0)
    .default(20_000)
    .describe(
      'how long a call waits while all that may answer it say they are full, before it is a 429',
    ),
})

export type RoutingOptions = z.output<typeof routingOptions>
