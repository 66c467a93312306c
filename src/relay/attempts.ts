// The way of an accepted call to its answer: its time in line, and its attempts. Routing tells it
// what happens.
import type { AnswerTimings, Call, Fault, Progress } from '#domain'
import type { Reservation } from '#limits'
import type { AttemptLine, Hop, Station, Watcher } from '#routing'
import { Attempt, type AttemptPorts } from './attempt-line.ts'
import { Delivery } from './delivery.ts'

const inLine: Progress = { phase: 'queued', etaMs: null }

/** All attempts of one accepted call. */
export class Attempts implements Watcher {
  readonly reservation: Reservation
  latest: Attempt | null = null
  /** What the last upstream said that turned the call away; null: none did. */
  turnedAwayWith: Fault | null = null
  waitsFor = inLine
  queueMs = 0
  /** What attempts took from which nothing came. */
  triedMs = 0
  readonly #call: Call
  readonly #modelId: string
  readonly #ports: AttemptPorts
  #queuedTicksMs = 0

  constructor(call: Call, modelId: string, reservation: Reservation, ports: AttemptPorts) {
    this.#call = call
    this.#modelId = modelId
    this.reservation = reservation
    this.#ports = ports
  }

  queued(): void {
    this.waitsFor = inLine
    this.#queuedTicksMs = this.#ports.clock.ticksMs()
  }

  leftQueue(): void {
    this.queueMs += this.#ports.clock.ticksMs() - this.#queuedTicksMs
  }

  turnedAway(fault: Fault): void {
    this.turnedAwayWith = fault
  }

  /** Handed on without its object, so it must be a function of its own. */
  progress = (progress: Progress): void => {
    this.waitsFor = progress
  }

  began(station: Station, { why, isFallback }: Hop): AttemptLine {
    const { clock } = this.#ports
    this.triedMs += this.latest?.tookMs() ?? 0
    const start = {
      requestId: this.#call.id,
      keyId: this.#call.key.id,
      ordinal: (this.latest?.start.ordinal ?? 0) + 1,
      model: this.#modelId,
      station,
      why,
      isFallback,
      isColdStart: station.upstream.readiness().state === 'cold',
      startedAtMs: clock.nowMs(),
      startedTicksMs: clock.ticksMs(),
      onReleased: this.reservation.attempted(),
    }
    this.latest = new Attempt(start, this.#ports)
    return this.latest
  }

  /** The latest attempt has the first event of its answer. */
  answering(timings: AnswerTimings): Delivery {
    const delivery = new Delivery(timings, this.#ports.clock)
    if (this.latest !== null) this.latest.delivery = delivery
    return delivery
  }
}
