// The door: where it is, how large a request may be, and how it closes.
import { z } from 'zod'

export const httpOptions = z.object({
  host: z.string().min(1).default('127.0.0.1').describe('address to listen on'),
  port: z.int().min(0).max(65_535).default(8080).describe('port to listen on; 0 takes a free one'),
  bodyBytesMax: z.int().min(1024).default(20_971_520).describe('the largest request body'),
  requestMs: z
    .int()
    .min(1)
    .default(60_000)
    .describe('how long a client may take to send its request'),
  trustProxy: z
    .array(z.string())
    .default([])
    .describe('addresses (CIDR) of proxies whose X-Forwarded-For is believed'),
  failuresPerMinute: z
    .int()
    .min(1)
    .default(60)
    .describe('failed authentications of one address, per minute'),
  drainMs: z
    .int()
    .min(0)
    .default(30_000)
    .describe('how long calls may go on after the process was told to stop'),
})

export type HttpOptions = z.output<typeof httpOptions>
