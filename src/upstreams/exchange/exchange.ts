// One HTTP exchange with an upstream: the request goes out, the answer comes in, and the exchange
// says exactly once that the upstream's work is over (`release.ts`). undici's `dispatch` pushes
// (streams and `fetch` cost several times as much), and pauses while the relay is slow.
//
//   connecting → sent → answering → closing → over
//                     → refused   →           over
//
// Each phase has its deadline, and the call's signal ends any of them at once.

import type { Dispatcher } from 'undici'
import type {
  Answer,
  Cancellation,
  Clock,
  Fault,
  OpenContext,
  Progress,
  UpstreamRequest,
} from '#domain'
import type { UpstreamOptions } from '../options.ts'
import { streamReader, wholeReader } from './body-reader.ts'
import { abandonedBy, broken, holdsTooMuch, stopped, tooLate, unreachable } from './breaks.ts'
import { Deadline } from './deadline.ts'
import { heldAnswerBytes } from './held-bytes.ts'
import { type AnswerSource, IncomingAnswer } from './incoming-answer.ts'
import { createRefusalReader, type RefusalReader } from './refusal-reader.ts'
import { type Holds, Release, type WorkEnd } from './release.ts'
import { readRetryAfter } from './retry-after.ts'

/** How long an answer that said its end may take to close, so that its connection can be kept. */
const closingMs = 1_000

/** An answer that holds less may go on, however much all answers together hold. */
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
  /** A good answer began: the deployment is awake. */
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

type Controller = Dispatcher.DispatchController
type Headers = Record<string, string | string[] | undefined>

type Phase =
  | { is: 'connecting' }
  | { is: 'sent'; controller: Controller }
  | { is: 'refused'; controller: Controller; refusal: RefusalReader }
  | { is: 'answering'; controller: Controller; answer: IncomingAnswer }
  /** The upstream said its end, and nobody reads any more. */
  | { is: 'closing'; controller: Controller; answer: IncomingAnswer }
  | { is: 'over' }

const atFirst: Phase = { is: 'connecting' }
const atLast: Phase = { is: 'over' }
const connecting: Progress = { phase: 'connecting', etaMs: null }
const waiting: Progress = { phase: 'waiting', etaMs: null }

class Exchange implements Dispatcher.DispatchHandler, AnswerSource {
  readonly #target: ExchangeTarget
  readonly #context: OpenContext
  readonly #tools: ExchangeTools
  readonly #opened = Promise.withResolvers<Answer>()
  readonly #release: Release
  readonly #deadline: Deadline
  readonly #abandon: () => void
  #phase: Phase = atFirst

  constructor(target: ExchangeTarget, context: OpenContext, tools: ExchangeTools) {
    this.#target = target
    this.#context = context
    this.#tools = tools
    this.#deadline = new Deadline(tools.clock, (late) => this.#tearDown(late()))
    this.#release = new Release(target.cancellation, tools.holds, context.onReleased)
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
    if (this.#phase.is === 'connecting') {
      this.#context.onProgress(connecting)
      this.#deadline.set(this.#tools.options.connectMs, notConnected)
    }
    return this.#opened.promise
  }

  onRequestStart(controller: Controller): void {
    if (this.#phase.is === 'over') return void controller.abort(stopped())
    this.#phase = { is: 'sent', controller }
    this.#context.onProgress(waiting)
    this.#deadline.set(this.#tools.options.firstByteMs, neverBegan)
  }

  onResponseStart(controller: Controller, status: number, headers: Headers): void {
    if (this.#phase.is !== 'sent' || status < 200) return
    const contentType = String(headers['content-type'] ?? '').toLowerCase()
    const encoding = String(headers['content-encoding'] ?? '').toLowerCase() || 'identity'
    const { options, clock } = this.#tools
    if (status !== 200 || encoding !== 'identity') {
      const retryAfterMs = readRetryAfter(String(headers['retry-after']), clock.nowMs())
      const refusal = createRefusalReader({ status, contentType, retryAfterMs })
      this.#phase = { is: 'refused', controller, refusal }
      return
    }
    // If a stream was asked for, a 200 that is none can only be an error in disguise.
    const isStream = contentType.startsWith('text/event-stream')
    const { dialect } = this.#target
    const reader = isStream ? streamReader(options, dialect) : wholeReader(options)
    const answer = new IncomingAnswer(dialect, reader, this)
    this.#phase = { is: 'answering', controller, answer }
    this.#opened.resolve(answer)
  }

  onResponseData(controller: Controller, bytes: Buffer): void {
    const phase = this.#phase
    if (phase.is === 'refused') return phase.refusal.push(bytes)
    if (phase.is !== 'answering' || phase.answer.said === 'all') return
    const { answer } = phase
    const found = answer.push(bytes)
    if (found !== null) this.#tearDown(found)
    else if (isTooMuch(answer, this.#tools.options)) this.#tearDown(holdsTooMuch())
    else if (answer.queuedBytes > this.#tools.options.bufferedBytesMax) {
      controller.pause()
      // The silence that follows is the client's, not the upstream's.
      this.#deadline.clear()
    } else if (answer.said !== 'nothing') this.#awaitMore()
  }

  onResponseEnd(): void {
    const phase = this.#phase
    if (phase.is === 'refused') {
      const { fault, lingers } = phase.refusal.end()
      return this.#over(fault, lingers ? 'torn down' : 'ended')
    }
    if (phase.is === 'answering') phase.answer.complete()
    this.#over(null, 'ended')
  }

  onResponseError(_controller: Controller, error: Error): void {
    const { is } = this.#phase
    if (is === 'over') return
    const started = is === 'sent' ? 'maybe' : 'yes'
    const fault = is === 'connecting' ? unreachable(error) : broken(error, started)
    this.#over(fault, this.#howItEnds())
  }

  began(): void {
    this.#tools.onAwake()
  }

  taken(): void {
    const phase = this.#phase
    if (phase.is !== 'answering' || !phase.controller.paused) return
    if (phase.answer.queuedBytes > this.#tools.options.bufferedBytesMax / 2) return
    this.#awaitMore()
    phase.controller.resume()
  }

  left(): void {
    if (this.#phase.is !== 'answering') return
    const { controller, answer } = this.#phase
    if (answer.said !== 'all') return this.#tearDown(stopped())
    // The body may close by itself, so that the connection can be used again.
    this.#phase = { is: 'closing', controller, answer }
    this.#release.say('ended')
    this.#deadline.set(closingMs, stopped)
    if (controller.paused) controller.resume()
  }

  /** Only from the first event on: until then, the time for the first byte runs. */
  #awaitMore(): void {
    this.#deadline.set(this.#tools.options.betweenChunksMs, stalled)
  }

  #tearDown(fault: Fault): void {
    const phase = this.#phase
    this.#over(fault, this.#howItEnds())
    if ('controller' in phase) phase.controller.abort(fault)
  }

  /** What the exchange knows of the upstream's work when it is cut off now. */
  #howItEnds(): WorkEnd {
    const phase = this.#phase
    if (phase.is === 'connecting') return 'unsent'
    const isDone = phase.is === 'answering' && phase.answer.said === 'all'
    return isDone || phase.is === 'closing' ? 'ended' : 'torn down'
  }

  /** The one way out: later news changes nothing. */
  #over(fault: Fault | null, how: WorkEnd): void {
    const phase = this.#phase
    if (phase.is === 'over') return
    this.#phase = atLast
    this.#deadline.clear()
    this.#context.signal.removeEventListener('abort', this.#abandon)
    this.#release.say(how)
    if ('answer' in phase) phase.answer.end(fault)
    else this.#opened.reject(fault)
  }
}

function isTooMuch({ unreadBytes }: IncomingAnswer, options: UpstreamOptions): boolean {
  return unreadBytes >= smallBytes && heldAnswerBytes() > options.inflightAnswerBytesMax
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
