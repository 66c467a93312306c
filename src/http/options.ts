// The options of `http`: where it listens, how large and how slow a request may be, how it closes.
import { isIP } from 'node:net'
import { z } from 'zod'

export const httpOptions = z.object({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('address to listen on; of a name, its first, IPv4 before IPv6'),
  port: z.int().min(0).max(65_535).default(8080).describe('port to listen on; 0 takes a free one'),
  bodyBytesMax: z.int().min(1024).default(20_971_520).describe('the largest request body'),
  inflightBodyBytesMax: z
    .int()
    .min(1024)
    .default(268_435_456)
    .describe(
      'all request bodies together, being read or of calls that run; half for one key at most',
    ),
  connectionsMax: z.int().min(1).default(10_000).describe('connections of clients at once'),
  headerBytesMax: z
    .int()
    .min(1024)
    .max(1_048_576)
    .default(16_384)
    .describe('the first line of a request and all of its headers together'),
  headersMax: z.int().min(10).max(1_000).default(100).describe('headers of one request'),
  headersMs: z
    .int()
    .min(1)
    .default(15_000)
    .describe('how long a client may take to send its headers'),
  requestMs: z
    .int()
    .min(1)
    .default(60_000)
    .describe('how long a client may take to send its request'),
  corsOrigins: z
    .array(z.string().regex(/^(\*|https?:\/\/[^/\s,]+)$/))
    .default([])
    .describe('origins whose pages may call /v1 from a browser, such as https://app.example; or *'),
  trustProxy: z
    .array(
      z.string().refine(isNetwork, {
        error: 'an address or a network, such as 10.0.0.1, 10.0.0.0/8 or fd00::/8',
      }),
    )
    .default([])
    .describe('addresses (CIDR) of proxies whose X-Forwarded-For is believed'),
  failuresPerMinute: z
    .int()
    .min(1)
    .default(60)
    .describe('failed authentications of one address, per minute'),
  adminPerMinute: z
    .int()
    .min(1)
    .default(120)
    .describe('requests of one address to /admin, per minute'),
  drainMs: z
    .int()
    .min(0)
    .default(30_000)
    .describe('how long calls may go on after the process was told to stop'),
})

export type HttpOptions = z.output<typeof httpOptions>

/** The library that reads it later takes `1` for 0.0.0.1, and its error names no option. */
function isNetwork(text: string): boolean {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address)
  return version !== 0 && Number(bits ?? 0) <= (version === 4 ? 32 : 128)
}
