// How many calls of a key run at once, and the line of those that wait for one of its places. Who
// comes takes a place, or stands in line in order of arrival; a place that is given back, however
// its call ended, goes to the first in line. Nothing is kept of a key without calls.
//
// A call keeps its place until it is over and each of its attempts is released: a client that
// hangs up leaves work behind, and must not start more of it than its key may have at once.
//
// The lines are bounded one by one here, and in sum by whoever admits calls: each that waits here
// holds a waiting place at its deployment as well.
import { type ApiKey, type Clock, Fault } from '#domain'

export interface PlaceAsk {
  key: ApiKey
  /** Calls of the key at once; null: as many as it likes. */
  placesMax: number | null
  /** Calls that may wait for one of them. */
  waitingMax: number
  /** How long this call waits at most; 0: not at all. */
  waitMs: number
}

/** A call's place among its key's. Disposing says that the call is over, or leaves the line. */
export interface OwnPlace extends Disposable {
  /** Resolves when the place has come; null: it is there already. Asked for once. */
  turn: ((signal: AbortSignal) => Promise<void>) | null
  /** An attempt was opened: the place is kept until this says that it was released. */
  attempted(): () => void
}

export interface CallsAtOnce {
  running(keyId: string): number
  waiting(keyId: string): number
  /** Throws what `take` could not give; takes nothing. */
  check(ask: PlaceAsk): void
  take(ask: PlaceAsk): OwnPlace
  /** Keys were changed: those that wait may have a place now. */
  changed(placesMaxOf: (key: ApiKey) => number | null): void
}

interface KeyCalls {
  key: ApiKey
  running: number
  placesMax: number
  /** What gives each of them its place. */
  line: (() => void)[]
  /** How long a place was held of late; null while none was given back. */
  heldMs: number | null
}

/** How much the latest call says about the next. */
const latestWeight = 0.3

export function createCallsAtOnce(clock: Clock): CallsAtOnce {
  const byKey = new Map<string, KeyCalls>()

  function callsOf({ key, placesMax }: PlaceAsk): KeyCalls {
    const known = byKey.get(key.id)
    const calls = known ?? { key, running: 0, placesMax: 0, line: [], heldMs: null }
    if (known === undefined) byKey.set(key.id, calls)
    // The key's limit may have been changed since its other calls came.
    calls.key = key
    resize(calls, placesMax)
    return calls
  }

  function resize(calls: KeyCalls, placesMax: number | null): void {
    calls.placesMax = placesMax ?? Number.POSITIVE_INFINITY
    letIn(calls)
  }

  function letIn(calls: KeyCalls): void {
    while (calls.line.length > 0 && calls.running < calls.placesMax) {
      calls.running += 1
      calls.line.shift()?.()
    }
  }

  function forgetIfIdle({ key, running, line }: KeyCalls): void {
    if (running === 0 && line.length === 0) byKey.delete(key.id)
  }

  function giveBack(calls: KeyCalls, sinceTicksMs: number): void {
    const heldMs = clock.ticksMs() - sinceTicksMs
    calls.heldMs =
      calls.heldMs === null ? heldMs : calls.heldMs + latestWeight * (heldMs - calls.heldMs)
    calls.running -= 1
    letIn(calls)
    forgetIfIdle(calls)
  }

  function standInLine(ask: PlaceAsk, calls: KeyCalls): OwnPlace {
    const { promise: granted, resolve } = Promise.withResolvers<void>()
    let held: HeldPlace | null = null
    const grant = () => {
      held = new HeldPlace(calls, clock.ticksMs(), giveBack)
      resolve()
    }
    calls.line.push(grant)
    return {
      turn: (signal) => turnOf(granted, signal, ask.waitMs, () => waitedInVain(ask, calls)),
      // A call that has no place yet opens no attempt.
      attempted: () => held?.attempted() ?? nothing,
      [Symbol.dispose]() {
        const at = calls.line.indexOf(grant)
        if (at !== -1) calls.line.splice(at, 1)
        held?.[Symbol.dispose]()
        forgetIfIdle(calls)
      },
    }
  }

  /** Until the place comes, the call is abandoned, or it has waited as long as it may. */
  function turnOf(
    granted: Promise<void>,
    signal: AbortSignal,
    waitMs: number,
    inVain: () => Fault,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = () => reject(signal.reason)
    const timer = clock.after(waitMs, () => reject(inVain()))
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    void granted.then(resolve)
    return promise.finally(() => {
      timer.cancel()
      signal.removeEventListener('abort', onAbort)
    })
  }

  return {
    running: (keyId) => byKey.get(keyId)?.running ?? 0,
    waiting: (keyId) => byKey.get(keyId)?.line.length ?? 0,
    check(ask) {
      const calls = byKey.get(ask.key.id)
      if (calls === undefined || ask.placesMax === null) return
      const ahead = calls.running + calls.line.length - ask.placesMax
      if (ahead < 0) return
      if (ask.waitMs === 0) throw willNotWait(ask, calls)
      // More may run than now may: of them, nobody waits.
      if (Math.min(ahead, calls.line.length) >= ask.waitingMax) throw lineFull(ask, calls)
    },
    take(ask) {
      const calls = callsOf(ask)
      if (calls.running >= calls.placesMax) return standInLine(ask, calls)
      calls.running += 1
      return new HeldPlace(calls, clock.ticksMs(), giveBack)
    },
    changed(placesMaxOf) {
      for (const calls of byKey.values()) resize(calls, placesMaxOf(calls.key))
    },
  }
}

const nothing = () => {}

/** A class: a literal with a computed name goes through V8's runtime, 0.4 µs for each call. */
class HeldPlace implements OwnPlace {
  readonly turn = null
  readonly #calls: KeyCalls
  readonly #sinceTicksMs: number
  readonly #giveBack: (calls: KeyCalls, sinceTicksMs: number) => void
  #isCallOver = false
  #attempts = 0

  constructor(
    calls: KeyCalls,
    sinceTicksMs: number,
    giveBack: (calls: KeyCalls, sinceTicksMs: number) => void,
  ) {
    this.#calls = calls
    this.#sinceTicksMs = sinceTicksMs
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
    if (this.#isCallOver && this.#attempts === 0) this.#giveBack(this.#calls, this.#sinceTicksMs)
  }
}

function willNotWait(ask: PlaceAsk, { heldMs, line }: KeyCalls): Fault {
  const limit = `${ask.placesMax} calls at once`
  return tooMany(limit, etaMs(ask, heldMs, line.length + 1))
}

function lineFull(ask: PlaceAsk, { heldMs, line }: KeyCalls): Fault {
  const limit = `${ask.placesMax} calls at once, and ${ask.waitingMax} that wait`
  return tooMany(limit, etaMs(ask, heldMs, line.length + 1))
}

/** The call still stands in the line that it would stand in again. */
function waitedInVain(ask: PlaceAsk, { heldMs, line }: KeyCalls): Fault {
  const limit = `${ask.placesMax} calls at once, and no place came free in ${ask.waitMs} ms`
  return tooMany(limit, etaMs(ask, heldMs, line.length))
}

/** When the last of so many would have its turn, by how long the key's calls took of late. */
function etaMs(ask: PlaceAsk, heldMs: number | null, waiting: number): number | null {
  if (heldMs === null || ask.placesMax === null) return null
  return Math.max(1, Math.ceil((heldMs * waiting) / ask.placesMax))
}

function tooMany(limit: string, retryAfterMs: number | null): Fault {
  const message = `Rate limit reached: ${limit}. Try again when one has ended.`
  return new Fault('rate_concurrency', { message, retryAfterMs })
}
