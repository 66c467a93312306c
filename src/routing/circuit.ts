// Whether calls are sent to a deployment at all. The circuit opens when five calls in a row failed
// there, or half of at least twenty within 30 s. After 5 s one real call tries the deployment; if
// that call fails, the time until the next trial doubles, up to a minute.
//
//   closed → open → half-open → closed, or open again
import type { Clock, Timer } from '#domain'
import type { Weight } from './judge.ts'

/** Whether calls are sent there now; the header says what leads from one state to the next. */
export type CircuitState =
  | { is: 'closed' }
  | { is: 'open'; untilTicksMs: number; openMs: number }
  /** One call tries it; the others wait until that call has ended. */
  | { is: 'half-open'; openMs: number; isTried: boolean }

export interface CircuitPorts {
  clock: Clock
  /** False: it stays closed whatever fails. */
  isUsed: boolean
  /** It opened, closed, or may be tried. */
  onChange(state: CircuitState['is']): void
}

const inARowMax = 5
const windowMs = 30_000
const windowSlices = 6
const sliceMs = windowMs / windowSlices
const countMin = 20
const openMsMin = 5_000
const openMsMax = 60_000
/** Unexplained failures count only when the calls of so many keys failed like that. */
const keysMin = 2

interface Slice {
  /** Number of the slice of time that it counts. */
  time: number
  good: number
  bad: number
}

export class Circuit {
  #state: CircuitState = { is: 'closed' }
  readonly #ports: CircuitPorts
  readonly #slices: Slice[] = []
  /** Rises whenever the circuit opens, may be tried, or closes. */
  #era = 0
  #badInARow = 0
  #goodTicksMs = Number.NEGATIVE_INFINITY
  /** Keys whose calls failed without a reason, and when; the latest last. */
  #unexplained: { keyId: string; ticksMs: number }[] = []
  #timer: Timer | null = null
  #isClosed = false

  constructor(ports: CircuitPorts) {
    this.#ports = ports
  }

  get state(): CircuitState {
    return this.#state
  }

  /** A call may be sent there now. */
  admits(): boolean {
    const state = this.#state
    return state.is === 'closed' || (state.is === 'half-open' && !state.isTried)
  }

  /** Until a call may try it; null: the circuit is not open. */
  opensInMs(): number | null {
    if (this.#state.is !== 'open') return null
    return Math.max(0, Math.ceil(this.#state.untilTicksMs - this.#ports.clock.ticksMs()))
  }

  /** A call is sent there. Its end counts only if the era is still the one that this returns. */
  began(): number {
    if (this.#state.is === 'half-open') this.#state = { ...this.#state, isTried: true }
    return this.#era
  }

  /** What one attempt says of the deployment. */
  ended(weight: Weight, keyId: string, era: number): void {
    const isBad = weight === 'bad' || (weight === 'unexplained' && this.#isSuspicious(keyId))
    if (weight === 'good') this.#goodTicksMs = this.#ports.clock.ticksMs()
    // A call that was sent before the circuit opened, or closed again, says nothing new.
    if (era !== this.#era || !this.#ports.isUsed || this.#isClosed) return
    if (this.#state.is !== 'closed') {
      return this.#tried(weight === 'good' ? 'good' : isBad ? 'bad' : 'nothing')
    }
    if (weight === 'good') this.#count('good')
    else if (isBad) this.#count('bad')
  }

  /** An operator says that the deployment is well. */
  reset(): void {
    if (this.#state.is !== 'closed') this.#close()
  }

  /** The station is closed: no call counts any more. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }

  #tried(how: 'good' | 'bad' | 'nothing'): void {
    if (this.#state.is !== 'half-open') return
    const { openMs } = this.#state
    if (how === 'good') this.#close()
    else if (how === 'bad') this.#open(Math.min(openMs * 2, openMsMax))
    else this.#allowTrial(openMs)
  }

  #count(what: 'good' | 'bad'): void {
    const slice = this.#currentSlice()
    slice[what] += 1
    if (what === 'good') {
      this.#badInARow = 0
      return
    }
    this.#badInARow += 1
    const oldest = slice.time - windowSlices
    const recent = this.#slices.filter(({ time }) => time > oldest)
    const good = recent.reduce((sum, one) => sum + one.good, 0)
    const bad = recent.reduce((sum, one) => sum + one.bad, 0)
    const isHalf = good + bad >= countMin && bad >= good
    if (this.#badInARow >= inARowMax || isHalf) this.#open(openMsMin)
  }

  #currentSlice(): Slice {
    const time = Math.floor(this.#ports.clock.ticksMs() / sliceMs)
    const at = time % windowSlices
    const known = this.#slices[at]
    if (known?.time === time) return known
    const slice = { time, good: 0, bad: 0 }
    this.#slices[at] = slice
    return slice
  }

  /** RunPod's OpenAI route reports a client's mistake in the same way as a failed server. */
  #isSuspicious(keyId: string): boolean {
    const ticksMs = this.#ports.clock.ticksMs()
    const isRecent = (one: { ticksMs: number }) => ticksMs - one.ticksMs < windowMs
    const others = this.#unexplained.filter((one) => one.keyId !== keyId && isRecent(one))
    this.#unexplained = [...others.slice(1 - keysMin), { keyId, ticksMs }]
    return this.#unexplained.length >= keysMin && ticksMs - this.#goodTicksMs >= windowMs
  }

  #open(openMs: number): void {
    const untilTicksMs = this.#ports.clock.ticksMs() + openMs
    this.#timer?.cancel()
    this.#timer = this.#ports.clock.after(openMs, () => this.#allowTrial(openMs))
    this.#change({ is: 'open', untilTicksMs, openMs })
  }

  #allowTrial(openMs: number): void {
    this.#change({ is: 'half-open', openMs, isTried: false })
  }

  #close(): void {
    this.#timer?.cancel()
    this.#slices.length = 0
    this.#badInARow = 0
    this.#unexplained = []
    this.#change({ is: 'closed' })
  }

  #change(state: CircuitState): void {
    this.#state = state
    this.#era += 1
    this.#ports.onChange(state.is)
  }
}
