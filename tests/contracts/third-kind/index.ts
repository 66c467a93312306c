// A third kind of upstream, to show what adding one takes: this folder, and one line in a table. It
// reaches a server that wants its key in a header of its own and its routes below `/api`. It has an
// option of the configuration, a credential and a mistake at the start.
import { z } from 'zod'
import { openExchange } from '#src/upstreams/exchange/exchange.ts'
import { createHolds } from '#src/upstreams/exchange/release.ts'
import type { KindSettings, UpstreamKind } from '#src/upstreams/kind.ts'
import { openPool } from '#src/upstreams/pool.ts'

const optionsSchema = z.strictObject({ root: z.url().optional() })

const section = z.object({
  root: z.url().default('http://127.0.0.1:1').describe('where the servers of this kind are'),
})

export const thirdKind: UpstreamKind = {
  optionsSchema,
  section,
  envNames: { THIRD_KIND_ROOT: 'root' },
  secrets: ['THIRD_KIND_KEY'],
  startMistakes: ({ deployments, settings }) =>
    deployments.length > 0 && settings.secret('THIRD_KIND_KEY') === null
      ? ['THIRD_KIND_KEY is missing: the third kind asks for it']
      : [],
  originsOf: (options, settings) => [new URL(rootOf(options, settings)).origin],
  open({ deployment, latest, options, settings, clock }) {
    const pool = openPool(rootOf(deployment.options, settings), options)
    const holds = createHolds(clock, () => options.orphanHoldMs)
    const headers = {
      'content-type': 'application/json',
      'x-api-key': settings.secret('THIRD_KIND_KEY') ?? '',
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

function rootOf(options: unknown, settings: KindSettings): string {
  const { root } = optionsSchema.parse(options)
  return root ?? section.parse(settings.section).root
}
