// The record of a call while it is being written: what happened and when. Frozen once, at the end;
// log line, metrics and ledger row are made from the frozen record and so cannot disagree.
import {
  type AnswerTimings,
  type Call,
  type CallRecord,
  type HopReason,
  looksLikeModel,
  type Model,
  type NanoUsd,
  type Progress,
  type TokenPrices,
  type Usage,
} from '#domain'
import type { Reservation } from '#limits'
import type { AttemptLine, Hop, Station, Watcher } from '#routing'
import { Attempt, type AttemptPorts } from './attempt-line.ts'
import { believableUsage } from './believable-usage.ts'
import type { Ending } from './ending.ts'
import { freeze } from './freeze.ts'

const noPrices: TokenPrices = { promptNanoUsd: 0, completionNanoUsd: 0, cachedNanoUsd: 0 }

/** For the log, where a client wrote something else in a model's place: a prompt, say. */
const noModel = '?'

const nothing = () => {}

const inLine: Progress = { phase: 'queued', etaMs: null }

export interface StoryPorts extends AttemptPorts {
  /** accounting: what delivered tokens cost the key. */
  charge(usage: Usage, prices: TokenPrices): NanoUsd
}

export class Story implements Watcher {
  readonly call: Call
  model: Model | null = null
  reservation: Reservation | null = null
  station: Station | null = null
  /** Why it is not the policy's first choice; null: it is. */
  fallback: HopReason | null = null
  latest = inLine
  timings: AnswerTimings | null = null
  isColdStart = false
  attempts = 0
  /** The latest of them. */
  attempt: Attempt | null = null
  queueMs = 0
  /** What tries took of which nothing came. */
  triedMs = 0
  firstEventTicksMs: number | null = null
  lastEventTicksMs: number | null = null
  /** The answer ended, well or badly: what the upstream took is over. */
  answeredTicksMs: number | null = null
  /** There is text that the client has yet to read. */
  isClientReading = false
  readonly #ports: StoryPorts
  #queuedTicksMs = 0
  #sentTicksMs: number | null = null

  constructor(call: Call, ports: StoryPorts) {
    this.call = call
    this.#ports = ports
  }

  get nowTicksMs(): number {
    return this.#ports.clock.ticksMs()
  }

  /** The model's own id, where an alias was asked for: sums must not be split by names. */
  get modelId(): string {
    if (this.model !== null) return this.model.id
    const { modelId } = this.call
    return looksLikeModel(modelId) ? modelId : noModel
  }

  /** Null while no try was made: then nothing was waited for upstream. */
  get sentTicksMs(): number | null {
    return this.#sentTicksMs
  }

  routed(model: Model): void {
    this.model = model
  }

  reserved(reservation: Reservation): void {
    this.reservation = reservation
  }

  queued(): void {
    this.latest = inLine
    this.#queuedTicksMs = this.nowTicksMs
  }

  progress = (progress: Progress): void => {
    this.latest = progress
  }

  leftQueue(): void {
    this.queueMs += this.nowTicksMs - this.#queuedTicksMs
  }

  began(station: Station, { why, isFallback }: Hop): AttemptLine {
    const { clock } = this.#ports
    this.attempts += 1
    this.triedMs += this.attempt?.tookMs() ?? 0
    this.station = station
    this.fallback = isFallback ? why : null
    this.isColdStart = station.upstream.readiness().state === 'cold'
    this.#sentTicksMs = clock.ticksMs()
    const start = {
      requestId: this.call.id,
      keyId: this.call.key.id,
      ordinal: this.attempts,
      model: this.modelId,
      station,
      why,
      startedAtMs: clock.nowMs(),
      startedTicksMs: this.#sentTicksMs,
      onReleased: this.reservation?.attempted() ?? nothing,
    }
    this.attempt = new Attempt(start, this.#ports)
    return this.attempt
  }

  answering(timings: AnswerTimings): void {
    this.timings = timings
    this.firstEventTicksMs = this.nowTicksMs
  }

  event(): void {
    this.lastEventTicksMs = this.nowTicksMs
  }

  answered(): void {
    this.answeredTicksMs = this.nowTicksMs
  }

  whileClientReads(drained: Promise<void>): Promise<void> {
    this.isClientReading = true
    return drained.finally(() => {
      this.isClientReading = false
    })
  }

  /** The one moment after which nothing changes. */
  freeze(ending: Ending, told: Usage, hasBegun: boolean): CallRecord {
    const usage = believableUsage(told, this.call, this.model)
    this.attempt?.ended(ending.kind === 'failed' ? ending.fault : null)
    const prices = this.model?.prices ?? noPrices
    const chargeNanoUsd = this.#ports.charge(usage, prices)
    return Object.freeze(freeze(this, ending, { usage, prices, chargeNanoUsd }, hasBegun))
  }
}
