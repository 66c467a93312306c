// How many of a key's places are taken at once, and the line of the calls that wait for some. One
// call takes a place for each of its sequences, but never more than the key has, so a call that is
// alone always starts. Places that are given back go to the first in line, which waits until enough
// are free: lighter calls that overtook would starve a heavy one. A call keeps its places until it
// is over and its attempts are released: who hangs up must not start more than the key allows.
//
// Each key's line is bounded. Nothing is kept of a key without calls.
import { type ApiKey, abortable, type Clock, Fault } from '#domain'

export interface PlaceAsk {
  key: ApiKey
  /** How many texts the call generates at once; 0 counts as one. */
  sequences: number
  /** How many sequences of the key may run at once; null: any number. */
  placesMax: number | null
  /** How many calls may wait. */
  waitingMax: number
  /** How long this call waits at most; 0: it does not wait. */
  waitMs: number
}

/** A call's places, or its wait for them. Disposing says that the call is over. */
export interface OwnPlaces extends Disposable {
  /** Resolves when the call has its places; null: it has them already. To be called once. */
  turn: ((signal: AbortSignal) => Promise<void>) | null
  /** An attempt begins: the places are kept until the returned function is called. */
  attempted(): () => void
}

export interface CallsAtOnce {
  /** Places that are taken. */
  running(keyId: string): number
  /** Calls that wait. */
  waiting(keyId: string): number
  /** Throws if `take` would be refused; takes nothing. */
  check(ask: PlaceAsk): void
  take(ask: PlaceAsk): OwnPlaces
  /** Keys were changed: there may be enough places now for calls that wait. */
  changed(placesMaxOf: (key: ApiKey) => number | null): void
}

interface KeyCalls {
  key: ApiKey
  taken: number
  placesMax: number
  line: Waiting[]
  /** How long calls held their places lately; null: none has given them back yet. */
  heldMs: number | null
}

interface Waiting {
  sequences: number
  /** Gives the call its places. */
  grant(places: number): void
}

interface Position {
  granted: Promise<void>
  leave(): void
  /** The fault of a call that has waited as long as it may. */
  waitedInVain(): Fault
}

/** How much the latest call counts in the average. */
const latestWeight = 0.3

export function createCallsAtOnce(clock: Clock): CallsAtOnce {
  const byKey = new Map<string, KeyCalls>()

  function callsOf({ key, placesMax }: PlaceAsk): KeyCalls {
    const known = byKey.get(key.id)
    const calls = known ?? { key, taken: 0, placesMax: 0, line: [], heldMs: null }
    if (known === undefined) byKey.set(key.id, calls)
    // The key's limit may have changed since its other calls came.
    calls.key = key
    resize(calls, placesMax)
    return calls
  }

  function resize(calls: KeyCalls, placesMax: number | null): void {
    calls.placesMax = placesMax ?? Number.POSITIVE_INFINITY
    letIn(calls)
  }

  /** Stops at the first call that finds too few places: nobody overtakes it. */
  function letIn(calls: KeyCalls): void {
    for (let first = calls.line[0]; first !== undefined; first = calls.line[0]) {
      // The call's weight depends on the key's limit, which may have changed while it waited.
      const places = placesOf(first, calls)
      if (calls.taken + places > calls.placesMax) return
      calls.line.shift()
      calls.taken += places
      first.grant(places)
    }
  }

  function startsNow(ask: PlaceAsk, calls: KeyCalls): boolean {
    return calls.line.length === 0 && calls.taken + placesOf(ask, calls) <= calls.placesMax
  }

  function giveBack({ calls, places, sinceTicksMs }: HeldPlaces): void {
    const heldMs = clock.ticksMs() - sinceTicksMs
    calls.heldMs =
      calls.heldMs === null ? heldMs : calls.heldMs + latestWeight * (heldMs - calls.heldMs)
    calls.taken -= places
    letIn(calls)
    if (calls.taken === 0) byKey.delete(calls.key.id)
  }

  function standInLine(ask: PlaceAsk, calls: KeyCalls): OwnPlaces {
    const { promise: granted, resolve } = Promise.withResolvers<void>()
    let held: HeldPlaces | null = null
    const waiting: Waiting = {
      sequences: ask.sequences,
      grant(places) {
        held = new HeldPlaces(calls, places, clock.ticksMs(), giveBack)
        resolve()
      },
    }
    calls.line.push(waiting)
    const leave = () => {
      const at = calls.line.indexOf(waiting)
      if (at === -1) return
      calls.line.splice(at, 1)
      // The calls behind it may need fewer places.
      letIn(calls)
    }
    const position = { granted, leave, waitedInVain: () => waitedInVain(ask, calls) }
    return {
      turn: (signal) => turnOf(position, signal, ask.waitMs),
      // A call without places opens no attempt.
      attempted: () => held?.attempted() ?? nothing,
      [Symbol.dispose]() {
        leave()
        held?.[Symbol.dispose]()
      },
    }
  }

  /**
   * Waits until the call has its places, is abandoned, or has waited as long as it may. In the last
   * two cases the call leaves the line at once: its record is still to be written, and the calls
   * behind it must not wait for that.
   */
  function turnOf(
    { granted, leave, waitedInVain }: Position,
    signal: AbortSignal,
    waitMs: number,
  ): Promise<void> {
    return abortable(signal, (resolve, reject) => {
      const timer = clock.after(waitMs, () => reject(waitedInVain()))
      void granted.then(resolve)
      return () => {
        timer.cancel()
        leave()
      }
    })
  }

  return {
    running: (keyId) => byKey.get(keyId)?.taken ?? 0,
    waiting: (keyId) => byKey.get(keyId)?.line.length ?? 0,
    check(ask) {
      const calls = byKey.get(ask.key.id)
      if (calls === undefined || ask.placesMax === null) return
      resize(calls, ask.placesMax)
      if (startsNow(ask, calls)) return
      if (ask.waitMs === 0) throw willNotWait(ask, calls)
      if (calls.line.length >= ask.waitingMax) throw lineFull(ask, calls)
    },
    take(ask) {
      const calls = callsOf(ask)
      if (!startsNow(ask, calls)) return standInLine(ask, calls)
      const places = placesOf(ask, calls)
      calls.taken += places
      return new HeldPlaces(calls, places, clock.ticksMs(), giveBack)
    },
    changed(placesMaxOf) {
      for (const calls of byKey.values()) resize(calls, placesMaxOf(calls.key))
    },
  }
}

const nothing = () => {}

/** A limit is at least one, so a call that is alone always fits. */
function placesOf(
  { sequences }: Pick<PlaceAsk, 'sequences'>,
  { placesMax }: Pick<KeyCalls, 'placesMax'>,
): number {
  return Math.min(sequences || 1, placesMax)
}

/** A class: a literal with a computed name goes through V8's runtime, 0.4 µs for each call. */
class HeldPlaces implements OwnPlaces {
  readonly turn = null
  readonly calls: KeyCalls
  /** As many as were taken, whatever the key's limit is by now. */
  readonly places: number
  readonly sinceTicksMs: number
  readonly #giveBack: (held: HeldPlaces) => void
  #isCallOver = false
  #attempts = 0

  constructor(
    calls: KeyCalls,
    places: number,
    sinceTicksMs: number,
    giveBack: (held: HeldPlaces) => void,
  ) {
    this.calls = calls
    this.places = places
    this.sinceTicksMs = sinceTicksMs
    this.#giveBack = giveBack
  }

  attempted(): () => void {
    this.#attempts += 1
    return () => {
      this.#attempts -= 1
      this.#giveBackWhenOver()
    }
  }

  [Symbol.dispose](): void {
    if (this.#isCallOver) return
    this.#isCallOver = true
    this.#giveBackWhenOver()
  }

  #giveBackWhenOver(): void {
    if (this.#isCallOver && this.#attempts === 0) this.#giveBack(this)
  }
}

function willNotWait(ask: PlaceAsk, calls: KeyCalls): Fault {
  return tooMany(limitOf(ask, calls), etaMs(calls, placesOf(ask, calls)))
}

function lineFull(ask: PlaceAsk, calls: KeyCalls): Fault {
  const limit = `${limitOf(ask, calls)}, and ${ask.waitingMax} that wait`
  return tooMany(limit, etaMs(calls, placesOf(ask, calls)))
}

/** The call still counts in the line in which the estimate puts it. */
function waitedInVain(ask: PlaceAsk, calls: KeyCalls): Fault {
  const limit = `${limitOf(ask, calls)}, and its turn did not come in ${ask.waitMs} ms`
  return tooMany(limit, etaMs(calls, 0))
}

/** Tells a client that sent one call why that is too much. */
function limitOf(ask: PlaceAsk, calls: KeyCalls): string {
  const places = placesOf(ask, calls)
  const atOnce = `${calls.placesMax} calls at once`
  return places === 1 ? atOnce : `${atOnce}, and this one counts as ${places}`
}

/**
 * Estimates when a call that needs `ownPlaces` and joins the end of the line would have its turn.
 * In the time that the key's calls took lately, each of the key's places comes free once.
 */
function etaMs({ heldMs, line, placesMax }: KeyCalls, ownPlaces: number): number | null {
  if (heldMs === null) return null
  const wanted = line.reduce((sum, one) => sum + placesOf(one, { placesMax }), ownPlaces)
  return Math.max(1, Math.ceil((heldMs * wanted) / placesMax))
}

function tooMany(limit: string, retryAfterMs: number | null): Fault {
  const message = `Rate limit reached: ${limit}. Try again when one has ended.`
  return new Fault('rate_concurrency', { message, retryAfterMs })
}
