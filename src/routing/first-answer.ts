// From a route to the first sign of an answer: pick a deployment, wait for a permit, open, judge.
// A try is repeated once, and only when the request provably never left: before the first event
// nothing was shown, but work may have begun, and work begun twice is paid twice.
import { type Answer, asFault, type Call, type Fault, type Progress, type Released } from '#domain'
import type { Station } from './fleet.ts'
import type { Permit, WaitingPlace } from './gate.ts'
import { judge } from './judge.ts'

const triesMax = 2

/** How the try that is being made is written down. */
export interface AttemptLine {
  faulted(fault: Fault): void
  released(released: Released): void
}

/** Whoever tells the call's story. */
export interface Watcher {
  /** A permit came: the time in the queue is over. */
  permitted(): void
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
  let place = ask.place
  for (let tries = 1; ; tries += 1) {
    ask.watcher.progress({ phase: 'queued', etaMs: null })
    const permit = await place.permit(ask.signal)
    ask.watcher.permitted()
    const line = ask.watcher.began(ask.station)
    try {
      return await judge(await open(ask, permit, line))
    } catch (cause) {
      const fault = asFault(cause)
      line.faulted(fault)
      if (tries >= triesMax || !isUnsent(fault) || ask.signal.aborted) throw fault
      place = ask.station.gate.enter()
    }
  }
}

async function open(ask: Ask, permit: Permit, line: AttemptLine): Promise<Answer> {
  const { call, signal, station, watcher } = ask
  const { deployment, upstream } = station
  // The upstream's own promise to release begins with `open`; before it, the permit is ours.
  let isOpening = false
  try {
    const dialect = upstream.speaks(call.surface) ?? ''
    const { path, body } = ask.toUpstream({ dialect, servedName: deployment.servedName })
    isOpening = true
    return await upstream.open(
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
  } catch (cause) {
    if (!isOpening) permit.release()
    throw cause
  }
}

function isUnsent(fault: Fault): boolean {
  return fault.started === 'no' && fault.kind === 'upstream_unreachable'
}
