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
  AnswerTimings,
  Cancellation,
  Clock,
  Fault,
  OpenContext,
  Progress,
  UpstreamEvent,
  UpstreamRequest,
} from '#domain'
import type { UpstreamOptions } from '../options.ts'
import { type BodyReader, streamReader, wholeReader } from './body-reader.ts'
import { abandonedBy, broken, holdsTooMuch, stopped, tooLate, unreachable } from './breaks.ts'
import { Deadline } from './deadline.ts'
import { EventQueue } from './event-queue.ts'
import { HeldBytes, heldAnswerBytes } from './held-bytes.ts'
import { createRefusalReader, type RefusalReader } from './refusal-reader.ts'
import { type Holds, Release } from './release.ts'
import { readRetryAfter } from './retry-after.ts'

/** How long an answer that said its end may take to close, so that its connection can be kept. */
const closingMs = 1_000

/** Answers that hold less may go on, however much all of them hold. */
const smallBytes = 65_536

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
  /** The first of a good answer arrived: the deployment is awake. */
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

const noTimings: AnswerTimings = { queueMs: null, execMs: null, workerId: null, upstreamId: null }
const connecting: Progress = { phase: 'connecting', etaMs: null }
const waiting: Progress = { phase: 'waiting', etaMs: null }

class Exchange implements Dispatcher.DispatchHandler, Answer {
  readonly dialect: string
  readonly timings = noTimings
  readonly #target: ExchangeTarget
  readonly #context: OpenContext
  readonly #tools: ExchangeTools
  readonly #opened = Promise.withResolvers<Answer>()
  readonly #events = new EventQueue()
  readonly #release: Release
  readonly #deadline: Deadline
  readonly #abandon: () => void
  #phase: 'connecting' | 'sent' | 'answering' | 'over' = 'connecting'
  #controller: Dispatcher.DispatchController | null = null
  #reader: BodyReader | null = null
  #refusal: RefusalReader | null = null
  readonly #heldBytes = new HeldBytes()
  #sawEvent = false
  /** The end was said, or a failure: whatever follows is no part of the answer. */
  #isAllSaid = false
  /** The upstream said that it is done, well or badly: nothing generates any more. */
  #workOver = false
  /** Nobody reads any more: only the end of the body is of interest. */
  #isLetGo = false

  constructor(target: ExchangeTarget, context: OpenContext, tools: ExchangeTools) {
    const { cancellation } = target
    this.dialect = target.dialect
    this.#target = target
    this.#context = context
    this.#tools = tools
    this.#deadline = new Deadline(tools.clock, (late) => this.#tearDown(late()))
    this.#release = new Release({
      cancellation,
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
      this.#context.onProgress(connecting)
      this.#deadline.set(this.#tools.options.connectMs, notConnected)
    }
    return this.#opened.promise
  }

  next(): Promise<UpstreamEvent | null> {
    const event = this.#events.next()
    this.#resumeWhenDrained()
    return event
  }

  hasMore(): boolean {
    return this.#events.hasMore()
  }

  [Symbol.dispose](): void {
    if (this.#phase !== 'over') this.#letGo()
    this.#events.discard()
    this.#heldBytes.set(0)
  }

  #letGo(): void {
    if (!this.#workOver) return this.#tearDown(stopped())
    // The end was said: let the body close by itself, so that the connection can be used again.
    this.#isLetGo = true
    this.#release.free('ended')
    if (this.#controller?.paused === true) this.#controller.resume()
    this.#deadline.set(closingMs, stopped)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#phase === 'over') return void controller.abort(stopped())
    this.#phase = 'sent'
    this.#context.onProgress(waiting)
    this.#deadline.set(this.#tools.options.firstByteMs, neverBegan)
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#phase === 'over' || status < 200) return
    this.#phase = 'answering'
    const contentType = String(headers['content-type'] ?? '').toLowerCase()
    const encoding = String(headers['content-encoding'] ?? '').toLowerCase() || 'identity'
    if (status !== 200 || encoding !== 'identity') {
      const retryAfterMs = readRetryAfter(String(headers['retry-after']), this.#tools.clock.nowMs())
      this.#refusal = createRefusalReader({ status, contentType, retryAfterMs })
      return
    }
    // A 200 that is no stream, where one was asked for, can only be an error in disguise.
    const isStream = contentType.startsWith('text/event-stream')
    const { options } = this.#tools
    this.#reader = isStream ? streamReader(options, this.dialect) : wholeReader(options)
    this.#opened.resolve(this)
  }

  onResponseData(_controller: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.#phase === 'over' || this.#isLetGo) return
    if (this.#refusal !== null) return this.#refusal.push(bytes)
    const reader = this.#reader
    if (reader === null || this.#isAllSaid) return
    const found = this.#put(reader.push(bytes))
    this.#heldBytes.set(reader.heldBytes())
    // What we found out it does not know: it would go on, and be paid for.
    if (found !== null) this.#tearDown(found)
    else if (this.#isTooMuch()) this.#tearDown(holdsTooMuch())
    else if (this.#events.heldBytes > this.#tools.options.bufferedBytesMax) this.#pause()
    else if (this.#sawEvent) this.#awaitMore()
  }

  /** All answers together; what a small one holds is not worth its end. */
  #isTooMuch(): boolean {
    if (this.#heldBytes.bytes < smallBytes) return false
    return heldAnswerBytes() > this.#tools.options.inflightAnswerBytesMax
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

  /** The failure among them that the upstream knows nothing of. */
  #put(events: readonly UpstreamEvent[]): Fault | null {
    for (const event of events) {
      if (this.#isAllSaid) return null
      if (!this.#sawEvent && event.kind !== 'failed') this.#tools.onAwake()
      this.#sawEvent = true
      if (event.kind === 'done' || event.kind === 'failed') this.#isAllSaid = true
      if (saysItsEnd(event)) this.#workOver = true
      this.#events.push(event)
      if (event.kind === 'failed' && event.isFound === true) return event.fault
    }
    return null
  }

  #pause(): void {
    this.#controller?.pause()
    // The silence that follows is the client's, not the upstream's.
    this.#deadline.clear()
  }

  #resumeWhenDrained(): void {
    if (this.#controller?.paused !== true) return
    if (this.#events.heldBytes > this.#tools.options.bufferedBytesMax / 2) return
    this.#controller.resume()
    if (this.#phase === 'answering') this.#awaitMore()
  }

  /** Until the first event came, the time for the first byte goes on. */
  #awaitMore(): void {
    this.#deadline.set(this.#tools.options.betweenChunksMs, stalled)
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
    this.#deadline.clear()
    this.#context.signal.removeEventListener('abort', this.#abandon)
    if (how === 'torn down') this.#release.tornDown()
    else this.#release.free(how)
    if (fault !== null) this.#opened.reject(fault)
    this.#events.end(fault)
  }
}

function notConnected(): Fault {
  return unreachable('no connection in time')
}

function neverBegan(): Fault {
  return tooLate('first_byte_timeout')
}

function stalled(): Fault {
  return tooLate('stalled')
}

/** What we found out is not what the upstream said: whoever works on it goes on. */
function saysItsEnd(event: UpstreamEvent): boolean {
  return event.kind === 'done' || (event.kind === 'failed' && event.isFound !== true)
}
