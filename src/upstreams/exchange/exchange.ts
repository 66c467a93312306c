// One HTTP exchange with an upstream: the request goes out, the answer comes in as events, and
// whatever happens the place is released exactly once. Pushed by undici's `dispatch` (streams and
// `fetch` cost several times as much), pulled by the relay, paused when the relay is slow.
//
//   connecting → sent → answering → over
//
// Each phase has its deadline; *abandon* (the call's signal) ends any of them at once.

import type { Dispatcher } from 'undici'
import type {
  Answer,
  Cancellation,
  Clock,
  Fault,
  OpenContext,
  Timer,
  UpstreamEvent,
  UpstreamRequest,
} from '#domain'
import type { UpstreamOptions } from '../options.ts'
import { type BodyReader, streamReader, wholeReader } from './body-reader.ts'
import { abandonedBy, broken, stopped, tooLate, unreachable } from './breaks.ts'
import { createEventQueue, type EventQueue } from './event-queue.ts'
import { createRefusalReader, type RefusalReader } from './refusal-reader.ts'
import { createRelease, type Holds, type Release } from './release.ts'
import { readRetryAfter } from './retry-after.ts'

/** How long an answer that said its end may take to close, so that its connection can be kept. */
const closingMs = 1_000

export interface ExchangeTarget {
  dispatcher: Dispatcher
  path: string
  headers: Record<string, string>
  dialect: string
  cancellation: Cancellation
}

export interface ExchangeTools {
  options: UpstreamOptions
  clock: Clock
  holds: Holds
  /** The head of a good answer arrived: the deployment is awake. */
  onAwake(): void
}

export function openExchange(
  target: ExchangeTarget,
  request: UpstreamRequest,
  context: OpenContext,
  tools: ExchangeTools,
): Promise<Answer> {
  return new Exchange(target, context, tools).start(request)
}

class Exchange implements Dispatcher.DispatchHandler, Answer {
  readonly dialect: string
  readonly timings = { queueMs: null, execMs: null, workerId: null, upstreamId: null }
  readonly #target: ExchangeTarget
  readonly #context: OpenContext
  readonly #tools: ExchangeTools
  readonly #opened = Promise.withResolvers<Answer>()
  readonly #events: EventQueue
  readonly #release: Release
  readonly #abandon: () => void
  #phase: 'connecting' | 'sent' | 'answering' | 'over' = 'connecting'
  #controller: Dispatcher.DispatchController | null = null
  #reader: BodyReader | null = null
  #refusal: RefusalReader | null = null
  #timer: Timer | null = null
  #sawEvent = false
  #heardAtTicksMs = 0
  /** The upstream said that it is done, well or badly: nothing generates any more. */
  #workOver = false
  /** Nobody reads any more: only the end of the body is of interest. */
  #isLetGo = false

  constructor(target: ExchangeTarget, context: OpenContext, tools: ExchangeTools) {
    this.dialect = target.dialect
    this.#target = target
    this.#context = context
    this.#tools = tools
    this.#events = createEventQueue(() => this.#resumeWhenDrained())
    this.#release = createRelease({
      cancellation: target.cancellation,
      holds: tools.holds,
      onReleased: context.onReleased,
    })
    this.#abandon = () => this.#tearDown(abandonedBy(context.signal))
  }

  start(request: UpstreamRequest): Promise<Answer> {
    const { signal } = this.#context
    if (signal.aborted) {
      this.#abandon()
      return this.#opened.promise
    }
    signal.addEventListener('abort', this.#abandon, { once: true })
    const { dispatcher, path, headers } = this.#target
    dispatcher.dispatch({ path, method: 'POST', headers, body: request.body }, this)
    if (this.#phase === 'connecting') {
      this.#context.onProgress({ phase: 'connecting', etaMs: null })
      this.#arm(this.#tools.options.connectMs, () => unreachable('no connection in time'))
    }
    return this.#opened.promise
  }

  next(): Promise<UpstreamEvent | null> {
    return this.#events.next()
  }

  [Symbol.dispose](): void {
    if (this.#phase !== 'over') this.#letGo()
    this.#events.discard()
  }

  #letGo(): void {
    if (!this.#workOver) return this.#tearDown(stopped())
    // The end was said: let the body close by itself, so that the connection can be used again.
    this.#isLetGo = true
    this.#release.free('ended')
    if (this.#controller?.paused === true) this.#controller.resume()
    this.#arm(closingMs, stopped)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#phase === 'over') return void controller.abort(stopped())
    this.#phase = 'sent'
    this.#context.onProgress({ phase: 'waiting', etaMs: null })
    this.#arm(this.#tools.options.firstByteMs, () => tooLate('first_byte_timeout'))
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#phase === 'over' || status < 200) return
    this.#phase = 'answering'
    const contentType = String(headers['content-type'] ?? '').toLowerCase()
    const encoding = String(headers['content-encoding'] ?? 'identity').toLowerCase()
    if (status !== 200 || encoding !== 'identity') {
      const retryAfterMs = readRetryAfter(String(headers['retry-after']), this.#tools.clock.nowMs())
      this.#refusal = createRefusalReader({ status, contentType, retryAfterMs })
      return
    }
    // A 200 that is no stream, where one was asked for, can only be an error in disguise.
    const isStream = contentType.startsWith('text/event-stream')
    const { options } = this.#tools
    this.#reader = isStream ? streamReader(options, this.dialect) : wholeReader(options)
    this.#tools.onAwake()
    this.#opened.resolve(this)
  }

  onResponseData(_controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.#phase === 'over' || this.#isLetGo) return
    if (this.#refusal !== null) return this.#refusal.push(bytes)
    try {
      this.#put(this.#reader?.push(bytes) ?? [])
    } catch (cause) {
      this.#tearDown(broken(cause, 'yes'))
    }
  }

  onResponseEnd(): void {
    if (this.#phase === 'over') return
    if (this.#refusal !== null) {
      const { fault, lingers } = this.#refusal.end()
      return this.#over(fault, lingers ? 'torn down' : 'ended')
    }
    this.#put(this.#reader?.end() ?? [])
    this.#over(null, 'ended')
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#phase === 'over') return
    const fault =
      this.#phase === 'connecting'
        ? unreachable(error)
        : broken(error, this.#phase === 'sent' ? 'maybe' : 'yes')
    this.#over(fault, this.#howItEnds())
  }

  #put(events: readonly UpstreamEvent[]): void {
    const isFirst = !this.#sawEvent
    for (const event of events) {
      this.#sawEvent = true
      if (saysItsEnd(event)) this.#workOver = true
      // Its own size, not its packet's: the last packet of a large event may be a single byte.
      this.#events.push(event, event.kind === 'chunk' ? event.text.length : 0)
    }
    if (this.#events.heldBytes() > this.#tools.options.bufferedBytesMax) this.#pause()
    else if (isFirst && this.#sawEvent) this.#awaitMore()
    else this.#heardAtTicksMs = this.#tools.clock.ticksMs()
  }

  #pause(): void {
    this.#controller?.pause()
    // The silence that follows is the client's, not the upstream's.
    this.#timer?.cancel()
  }

  #resumeWhenDrained(): void {
    if (this.#controller?.paused !== true) return
    if (this.#events.heldBytes() > this.#tools.options.bufferedBytesMax / 2) return
    this.#controller.resume()
    if (this.#phase === 'answering') this.#awaitMore()
  }

  #awaitMore(): void {
    this.#heardAtTicksMs = this.#tools.clock.ticksMs()
    this.#lookAgain(this.#tools.options.betweenChunksMs)
  }

  /** A look now and then costs less than a timer that every chunk would have to move. */
  #lookAgain(inMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#tools.clock.after(inMs, () => {
      const silentMs = this.#tools.clock.ticksMs() - this.#heardAtTicksMs
      const leftMs = this.#tools.options.betweenChunksMs - silentMs
      if (leftMs > 0) this.#lookAgain(leftMs)
      else this.#tearDown(tooLate('stalled'))
    })
  }

  #arm(delayMs: number, fault: () => Fault): void {
    this.#timer?.cancel()
    this.#timer = this.#tools.clock.after(delayMs, () => this.#tearDown(fault()))
  }

  #tearDown(fault: Fault): void {
    this.#over(fault, this.#howItEnds())
    this.#controller?.abort(fault)
  }

  #howItEnds(): 'unsent' | 'ended' | 'torn down' {
    if (this.#phase === 'connecting') return 'unsent'
    return this.#workOver ? 'ended' : 'torn down'
  }

  /** The one way out: later news changes nothing. */
  #over(fault: Fault | null, how: 'unsent' | 'ended' | 'torn down'): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    this.#timer?.cancel()
    this.#context.signal.removeEventListener('abort', this.#abandon)
    if (how === 'torn down') this.#release.tornDown()
    else this.#release.free(how)
    if (fault !== null) this.#opened.reject(fault)
    this.#events.end(fault)
  }
}

/** That an answer was cut is a finding of ours: whoever works on it goes on. */
function saysItsEnd(event: UpstreamEvent): boolean {
  if (event.kind === 'failed') return event.fault.kind !== 'upstream_cut'
  return event.kind === 'done'
}
