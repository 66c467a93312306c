// One exchange on a clock that stands still: the test is the connection, and pushes what it likes.
import type { Dispatcher } from 'undici'
import type { Released } from '#src/domain/index.ts'
import { openExchange } from '#src/upstreams/exchange/exchange.ts'
import { createHolds } from '#src/upstreams/exchange/release.ts'
import { upstreamOptions } from '#src/upstreams/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { chunk } from '../support/scripted-upstream.ts'

export const options = upstreamOptions.parse({
  connectMs: 100,
  firstByteMs: 1000,
  betweenChunksMs: 500,
  orphanHoldMs: 300,
  bufferedBytesMax: 1024,
  inflightAnswerBytesMax: 1_048_576,
})

type Handler = Dispatcher.DispatchHandler

/** undici's side of an exchange. */
export class Connection implements Dispatcher.DispatchController {
  paused = false
  aborted = false
  reason: Error | null = null
  handler: Handler = {}
  readonly rawHeaders = null
  readonly rawTrailers = null

  abort(reason: Error): void {
    this.aborted = true
    this.reason = reason
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  dispatch(_options: unknown, handler: Handler): boolean {
    this.handler = handler
    return true
  }

  connect(): void {
    this.handler.onRequestStart?.(this, {})
  }

  head(status = 200, headers: Record<string, string> = { 'content-type': 'text/event-stream' }) {
    this.handler.onResponseStart?.(this, status, headers)
  }

  data(text: string): void {
    this.handler.onResponseData?.(this, Buffer.from(text))
  }

  end(): void {
    this.handler.onResponseEnd?.(this, {})
  }

  breaks(error = new Error('other side closed')): void {
    this.handler.onResponseError?.(this, error)
  }
}

export function open(cancellation: 'proven' | 'hoped' = 'proven') {
  const clock = createFakeClock()
  const connection = new Connection()
  const releases: Released[] = []
  const controller = new AbortController()
  let awake = 0
  const onAwake = () => {
    awake += 1
  }
  const holds = createHolds(clock, () => options.orphanHoldMs)
  const answer = openExchange(
    {
      // Of a dispatcher only `dispatch` is used.
      dispatcher: connection as unknown as Dispatcher,
      path: '/p',
      headers: {},
      dialect: 'vllm',
      cancellation,
    },
    { requestId: 'req_1', path: '/p', body: Buffer.from('{}'), stream: true },
    {
      signal: controller.signal,
      deadlineTicksMs: Number.POSITIVE_INFINITY,
      onProgress: () => {},
      onReleased: (released) => void releases.push(released),
    },
    { options, clock, holds, onAwake },
  )
  answer.catch(() => {})
  return { clock, connection, answer, releases, holds, controller, awake: () => awake }
}

/** An exchange whose answer has begun, with this said. */
export async function answering(said: string, cancellation?: 'proven' | 'hoped') {
  const exchange = open(cancellation)
  exchange.connection.connect()
  exchange.connection.head()
  exchange.connection.data(said)
  return { ...exchange, events: await exchange.answer }
}

export const large = chunk('x'.repeat(2000))
