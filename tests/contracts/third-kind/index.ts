// A third kind of upstream, to show what adding one takes: this folder, and one line in a table. It
// reaches a server that wants its key in a header of its own and its routes below `/api`.
import { z } from 'zod'
import { openExchange } from '#src/upstreams/exchange/exchange.ts'
import { createHolds } from '#src/upstreams/exchange/release.ts'
import type { UpstreamKind } from '#src/upstreams/kind.ts'
import { openPool } from '#src/upstreams/pool.ts'

const optionsSchema = z.strictObject({ root: z.url() })

export const thirdKind: UpstreamKind = {
  optionsSchema,
  originsOf: (options) => [new URL(optionsSchema.parse(options).root).origin],
  open({ deployment, latest, options, credentials, clock }) {
    const { root } = optionsSchema.parse(deployment.options)
    const pool = openPool(root, options)
    const holds = createHolds(clock, () => options.orphanHoldMs)
    const headers = {
      'content-type': 'application/json',
      'x-api-key': credentials('EXTERNAL_TEST_KEY') ?? '',
    }
    return {
      transport: 'third-kind',
      bodyBytesMax: Number.POSITIVE_INFINITY,
      cancellation: 'hoped',
      speaks: (surface) => (surface === '' ? null : 'openai'),
      readiness: () => ({ state: 'unknown' }),
      capacity: () => latest().slots,
      onChange: () => ({ [Symbol.dispose]: () => {} }),
      close() {
        holds.endAll()
        return pool.destroy()
      },
      open: (request, context) =>
        openExchange(
          {
            dispatcher: pool,
            path: `/api${request.path}`,
            headers,
            dialect: 'openai',
            cancellation: 'hoped',
          },
          request,
          context,
          { options, clock, holds, onAwake: () => {} },
        ),
    }
  },
}
