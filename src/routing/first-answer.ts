// From a route to the first sign of an answer: wait for a permit, open, judge. Nothing was shown to
// the client yet, but work may have begun, and work begun twice is paid twice. So a try is repeated
// in two cases only: once, when the request provably never left; and when the upstream turned it
// away, for `fullWaitMs` where it is full, and until the deadline where it only has no worker yet.
import {
  type Answer,
  asFault,
  type Call,
  type Clock,
  Fault,
  type Progress,
  type Released,
} from '#domain'
import type { Station } from './fleet.ts'
import { fullFor } from './full.ts'
import { judge } from './judge.ts'
import type { Patience, Permit, WaitingPlace } from './places.ts'

const unsentTriesMax = 2

/** How the try that is being made is written down. */
export interface AttemptLine {
  faulted(fault: Fault): void
  released(released: Released): void
}

/** Whoever tells the call's story. */
export interface Watcher {
  /** The call stands in line. */
  queued(): void
  /** A permit came, or the call gave up: the time in the queue is over. */
  leftQueue(): void
  began(station: Station): AttemptLine
  progress(progress: Progress): void
}

export interface Ask {
  call: Call
  /** The waiting place that was reserved. */
  place: WaitingPlace
  station: Station
  signal: AbortSignal
  watcher: Watcher
  /** The body for this deployment in its dialect. */
  toUpstream(target: { dialect: string; servedName: string }): { path: string; body: Buffer }
}

export async function firstAnswer(ask: Ask, clock: Clock, fullWaitMs: number): Promise<Answer> {
  const { gate } = ask.station
  const patience = new FullWait(ask.call, clock, fullWaitMs)
  let { place } = ask
  let turnedAway: Fault | null = null
  gate.attend()
  try {
    for (let unsentTries = 1; ; ) {
      // The usual way: no line, and so nothing to wait for.
      const atOnce = ask.signal.aborted ? null : place.atOnce()
      const permit = atOnce ?? (await permitFor(ask, place, patience, turnedAway))
      const line = ask.watcher.began(ask.station)
      try {
        const answer = await judge(await open(ask, permit, line))
        permit.answered()
        return answer
      } catch (cause) {
        const fault = asFault(cause)
        line.faulted(fault)
        // The upstream only ever turned the call away, so its client hears that, not a timeout.
        if (turnedAway !== null && isDeadline(fault)) throw turnedAway
        if (ask.signal.aborted) throw fault
        if (fault.turnedAway !== null) {
          turnedAway = fault
          gate.turnedAway(fault.turnedAway, fault.retryAfterMs)
          if (fault.turnedAway === 'full') patience.spend(fault)
        } else {
          if (!isUnsent(fault) || unsentTries >= unsentTriesMax) throw fault
          unsentTries += 1
        }
        place = gate.enterAgain()
      }
    }
  } finally {
    gate.depart()
  }
}

function isDeadline(reason: unknown): boolean {
  return reason instanceof Fault && reason.kind === 'deadline'
}

/** How long a call waits for a full upstream: `fullWaitMs`, or less if its client says so. */
class FullWait implements Patience {
  readonly fullWaitMs: number
  fullUntilTicksMs: number | null = null
  readonly #clock: Clock

  constructor({ waitMaxMs }: Call, clock: Clock, fullWaitMs: number) {
    this.fullWaitMs = Math.min(fullWaitMs, waitMaxMs ?? fullWaitMs)
    this.#clock = clock
  }

  /** Counts from the first turn-away. Throws `fault` where no time is left for another try. */
  spend(fault: Fault): void {
    const nowTicksMs = this.#clock.ticksMs()
    this.fullUntilTicksMs ??= nowTicksMs + this.fullWaitMs
    const againTicksMs = nowTicksMs + (fault.retryAfterMs ?? 0)
    if (againTicksMs > this.fullUntilTicksMs || nowTicksMs >= this.fullUntilTicksMs) throw fault
  }
}

/** A deadline that passes in the line of a full upstream is no timeout: the upstream was full. */
async function permitFor(
  { signal, station, watcher }: Ask,
  place: WaitingPlace,
  patience: Patience,
  turnedAway: Fault | null,
): Promise<Permit> {
  watcher.queued()
  try {
    return await place.permit(signal, patience)
  } catch (reason) {
    const wasFull = reason instanceof Fault && reason.turnedAway !== null
    if (!wasFull && !isDeadline(reason)) throw reason
    // The upstream's own words tell an operator more than our timeout.
    if (turnedAway !== null) throw turnedAway
    throw !wasFull && station.gate.isPaused() ? fullFor(null) : reason
  } finally {
    watcher.leftQueue()
  }
}

/** The upstream's own promise to release begins with `open`; before it, the permit is ours. */
function open(ask: Ask, permit: Permit, line: AttemptLine): Promise<Answer> {
  const { call, signal, watcher } = ask
  const { path, body } = bodyFor(ask, permit, line)
  return ask.station.upstream.open(
    { requestId: call.id, path, body, stream: call.stream },
    {
      signal,
      deadlineTicksMs: call.deadlineTicksMs,
      onProgress: watcher.progress,
      onReleased(released) {
        permit.release()
        line.released(released)
      },
    },
  )
}

function bodyFor({ call, station, toUpstream }: Ask, permit: Permit, line: AttemptLine) {
  const { deployment, upstream } = station
  try {
    const dialect = upstream.speaks(call.surface) ?? ''
    return toUpstream({ dialect, servedName: deployment.servedName })
  } catch (cause) {
    permit.release()
    line.released({ how: 'unsent', cancellation: 'none' })
    throw cause
  }
}

function isUnsent(fault: Fault): boolean {
  return fault.started === 'no' && fault.kind === 'upstream_unreachable'
}
