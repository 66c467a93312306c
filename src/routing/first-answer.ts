// From a route to the first sign of an answer: wait for a permit, open, judge. Nothing was shown to
// the client yet, but work may have begun, and work begun twice is paid twice. So a try is repeated
// in two cases only: once, when the request provably never left; and, until the deadline, when the
// upstream turned it away because it is full.
import { type Answer, asFault, type Call, Fault, type Progress, type Released } from '#domain'
import type { Station } from './fleet.ts'
import type { Permit, WaitingPlace } from './gate.ts'
import { judge } from './judge.ts'

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

export async function firstAnswer(ask: Ask): Promise<Answer> {
  const { gate } = ask.station
  let { place } = ask
  let turnedAway: Fault | null = null
  gate.attend()
  try {
    for (let unsentTries = 1; ; ) {
      // The usual way: no line, and so nothing to wait for.
      const atOnce = ask.signal.aborted ? null : place.atOnce()
      const permit = atOnce ?? (await permitFor(ask, place, turnedAway))
      const line = ask.watcher.began(ask.station)
      try {
        const answer = await judge(await open(ask, permit, line))
        permit.answered()
        return answer
      } catch (cause) {
        const fault = asFault(cause)
        line.faulted(fault)
        // Nothing but «full» was heard of it until the deadline, and so it is to the client.
        if (turnedAway !== null && isDeadline(fault)) throw turnedAway
        if (ask.signal.aborted) throw fault
        if (fault.saturated) {
          turnedAway = fault
          gate.turnedAway(fault.retryAfterMs)
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

/** A deadline that passes in the line of a full upstream is no timeout: the upstream was full. */
async function permitFor(
  { signal, station, watcher }: Ask,
  place: WaitingPlace,
  turnedAway: Fault | null,
): Promise<Permit> {
  watcher.queued()
  try {
    return await place.permit(signal)
  } catch (reason) {
    if (!isDeadline(reason)) throw reason
    if (turnedAway !== null) throw turnedAway
    throw station.gate.isPaused() ? stayedFull() : reason
  } finally {
    watcher.leftQueue()
  }
}

/** Others were turned away while the call stood behind them. */
function stayedFull(): Fault {
  const message = 'The model is at capacity. Please try again shortly.'
  return new Fault('overloaded', { message, saturated: true })
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
