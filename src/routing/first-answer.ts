// From a booking to the first event of an answer: wait for a permit, open the attempt, look at its
// first event, and judge what failed. The client has seen nothing yet, so another attempt may be
// made. But work may have begun, and work that begins twice is paid twice: `judge.ts` says which
// attempts are made again, and where.
import {
  type Answer,
  abortable,
  asFault,
  type Call,
  type Clock,
  type Fault,
  type HopReason,
  type Progress,
  type Released,
  type UpstreamRequest,
} from '#domain'
import type { Booking } from './booking.ts'
import { fullFor } from './faults.ts'
import { judge, reasonOf } from './judge.ts'
import type { RoutingOptions } from './options.ts'
import { Patience } from './patience.ts'
import { type BegunAnswer, PeekedAnswer, peek } from './peek.ts'
import type { BudgetShare, RetryBudget } from './retry-budget.ts'
import type { Permit, Station } from './station.ts'

/** Where one attempt is written down. */
export interface AttemptLine {
  faulted(fault: Fault): void
  released(released: Released): void
}

/** Why an attempt is made, and whether at another deployment than the policy's first choice. */
export interface Hop {
  why: HopReason | null
  isFallback: boolean
}

/** Writes down what happens to the call. */
export interface Watcher {
  /** The call waits in line. */
  queued(): void
  /** It got its permit, or gave up: its time in the queue is over. */
  leftQueue(): void
  /** An upstream took nothing of the call. */
  turnedAway(fault: Fault): void
  began(station: Station, hop: Hop): AttemptLine
  progress(progress: Progress): void
}

export interface Ask {
  call: Call
  booking: Booking
  signal: AbortSignal
  watcher: Watcher
  /** Path and body in the deployment's dialect. */
  toUpstream(target: { dialect: string; servedName: string }): { path: string; body: Buffer }
}

/** What all calls share. */
export interface Tools {
  clock: Clock
  options: Pick<RoutingOptions, 'fullWaitMs' | 'retries'>
  budget: RetryBudget
  random(): number
}

const jitterMsMin = 50
const jitterMsMax = 1_000
/** Part of the call's time: with less left, another attempt would only end at the deadline. */
const timeLeftMin = 0.1

export function firstAnswer(ask: Ask, tools: Tools): Promise<BegunAnswer> {
  return new Tries(ask, tools).run()
}

class Tries {
  readonly #ask: Ask
  readonly #tools: Tools
  readonly #share: BudgetShare
  readonly #patience: Patience
  #begun = 0
  #tries = 0
  #tried: Station[] = []

  constructor(ask: Ask, tools: Tools) {
    this.#ask = ask
    this.#tools = tools
    this.#share = tools.budget.begin()
    this.#patience = new Patience(ask.call, tools.clock, tools.options.fullWaitMs)
  }

  async run(): Promise<BegunAnswer> {
    try {
      for (;;) {
        const permit = await this.#permit()
        const answer = await this.#try(permit)
        if (answer !== null) return answer
      }
    } catch (cause) {
      this.#share.end()
      throw cause
    }
  }

  /** Usually there is a permit at once, and no promise is made for it. */
  #permit(): Permit | Promise<Permit> {
    const { signal, booking } = this.#ask
    return (signal.aborted ? null : booking.atOnce()) ?? this.#waitInLine()
  }

  /** Of an abandoned call it also says that all upstreams were full: the relay weighs the two. */
  async #waitInLine(): Promise<Permit> {
    const { signal, booking, watcher } = this.#ask
    watcher.queued()
    try {
      return await booking.permit(signal, this.#patience)
    } catch (reason) {
      throw signal.aborted && booking.isPaused() ? fullFor(null) : reason
    } finally {
      watcher.leftQueue()
    }
  }

  /** null: it failed, and may be tried again. */
  async #try(permit: Permit): Promise<BegunAnswer | null> {
    const { call, booking, watcher } = this.#ask
    const { station } = permit
    const hop = { why: booking.why, isFallback: station !== booking.firstChoice }
    const line = watcher.began(station, hop)
    const end = { keyId: call.key.id, callMs: call.deadlineTicksMs - call.receivedTicksMs }
    try {
      const answer = await this.#open(permit, line)
      const first = await peek(answer)
      permit.answered()
      return new PeekedAnswer(answer, first, (fault) => {
        permit.ended(fault, end)
        this.#share.end()
      })
    } catch (cause) {
      const fault = asFault(cause)
      line.faulted(fault)
      permit.ended(fault, end)
      await this.#afterFailure(fault, station)
      return null
    }
  }

  /** Throws when the call is not tried again. */
  async #afterFailure(fault: Fault, station: Station): Promise<void> {
    const { signal, booking, call, watcher } = this.#ask
    if (fault.turnedAway !== null) watcher.turnedAway(fault)
    if (signal.aborted) throw fault
    if (fault.started !== 'no') this.#begun += 1
    // A deployment that turned the call away did not fail it.
    if (fault.turnedAway === null) this.#tried.push(station)
    const here = this.#tried.filter((one) => one === station).length
    const leftMs = call.deadlineTicksMs - this.#tools.clock.ticksMs()
    const hasTime = leftMs >= (call.deadlineTicksMs - call.receivedTicksMs) * timeLeftMin
    const hasOthers = booking.hasOthersThan(station)
    const verdict = judge(fault, { begun: this.#begun, here, hasTime }, { hasOthers })
    if (verdict === 'give up') throw fault
    if (verdict === 'wait') return this.#wait(fault, station, !hasOthers)
    if (!this.#tools.options.retries || !this.#share.mayRetry()) throw fault
    this.#tries += 1
    if (verdict === 'elsewhere') booking.leaveOut(station)
    else await this.#pause(fault, leftMs)
    booking.comeAgain(reasonOf(fault), verdict === 'again' ? station : null)
  }

  #wait(fault: Fault, station: Station, isOnly: boolean): void {
    const { turnedAway, retryAfterMs } = fault
    station.pause.begin(turnedAway ?? 'full', retryAfterMs)
    station.onChange()
    if (turnedAway === 'full') this.#patience.spend(fault, isOnly)
    this.#ask.booking.comeAgain(reasonOf(fault), null)
  }

  /** Full jitter: calls that failed together must not come again together. */
  async #pause(fault: Fault, leftMs: number): Promise<void> {
    const { clock, random } = this.#tools
    const most = Math.min(jitterMsMax, jitterMsMin * 2 ** (this.#tries - 1))
    const ms = Math.max(random() * most, fault.retryAfterMs ?? 0)
    if (ms >= leftMs) throw fault
    if (ms > 0) await sleep(ms, this.#ask.signal, clock)
  }

  /** From `upstream.open` on, the upstream says when its place is free; before, we do. */
  #open(permit: Permit, line: AttemptLine): Promise<Answer> {
    const { signal, watcher, call } = this.#ask
    const { station } = permit
    const onReleased = (released: Released) => {
      permit.release()
      line.released(released)
    }
    let request: UpstreamRequest
    try {
      request = this.#requestFor(station)
    } catch (cause) {
      onReleased({ how: 'unsent', cancellation: 'none' })
      throw cause
    }
    const { deadlineTicksMs } = call
    const onProgress = watcher.progress
    return station.upstream.open(request, { signal, deadlineTicksMs, onProgress, onReleased })
  }

  #requestFor({ deployment, upstream }: Station): UpstreamRequest {
    const { call, toUpstream } = this.#ask
    const dialect = upstream.speaks(call.surface) ?? ''
    const { path, body } = toUpstream({ dialect, servedName: deployment.servedName })
    return { requestId: call.id, path, body, stream: call.stream }
  }
}

function sleep(ms: number, signal: AbortSignal, clock: Clock): Promise<void> {
  return abortable(signal, (resolve) => {
    const timer = clock.after(ms, () => resolve())
    return () => timer.cancel()
  })
}
