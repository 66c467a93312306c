// Whether a deployment is asked at all. It opens when five calls in a row failed there, or half of
// at least twenty within 30 s; then nobody is sent there until one real call, after 5 s, has tried
// it. Each such call that fails doubles the time, up to a minute.
//
//   closed → open → half-open → closed, or open again
import type { Clock, Timer } from '#domain'
import type { Weight } from './judge.ts'

/** Whether calls are sent there now; the header says what leads from one state to the next. */
export type CircuitState =
  | { is: 'closed' }
  | { is: 'open'; untilTicksMs: number; openMs: number }
  /** One call tries it; the others wait for what becomes of that. */
  | { is: 'half-open'; openMs: number; isTried: boolean }

export interface CircuitPorts {
  clock: Clock
  /** False: whatever fails there, it stays closed. */
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
/** An unexplained failure counts once the calls of so many keys failed so. */
const keysMin = 2

interface Slice {
  /** Which slice of time it holds the counts of. */
  time: number
  good: number
  bad: number
}

export class Circuit {
  #state: CircuitState = { is: 'closed' }
  readonly #ports: CircuitPorts
  readonly #slices: Slice[] = []
  /** Rises when it opens, may be tried, and closes. */
  #era = 0
  #badInARow = 0
  #goodTicksMs = Number.NEGATIVE_INFINITY
  /** Keys whose calls failed without a reason, the latest last, and when. */
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

  /** When the next call may try it; null: it is not open. */
  opensInMs(): number | null {
    if (this.#state.is !== 'open') return null
    return Math.max(0, Math.ceil(this.#state.untilTicksMs - this.#ports.clock.ticksMs()))
  }

  /** A call is sent there. What it says of the deployment later counts in this era alone. */
  began(): number {
    if (this.#state.is === 'half-open') this.#state = { ...this.#state, isTried: true }
    return this.#era
  }

  /** What one attempt says of the deployment. */
  ended(weight: Weight, keyId: string, era: number): void {
    const isBad = weight === 'bad' || (weight === 'unexplained' && this.#isSuspicious(keyId))
    if (weight === 'good') this.#goodTicksMs = this.#ports.clock.ticksMs()
    // Calls that were on their way when it opened, or closed again, say nothing new.
    if (era !== this.#era || !this.#ports.isUsed || this.#isClosed) return
    if (this.#state.is !== 'closed') {
      return this.#tried(weight === 'good' ? 'good' : isBad ? 'bad' : 'nothing')
    }
    if (weight === 'good') this.#count('good')
    else if (isBad) this.#count('bad')
  }

  /** An operator says that it is well. */
  reset(): void {
    if (this.#state.is !== 'closed') this.#close()
  }

  /** Nothing counts any more: its station is closed. */
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
    const place = time % windowSlices
    const known = this.#slices[place]
    if (known?.time === time) return known
    const slice = { time, good: 0, bad: 0 }
    this.#slices[place] = slice
    return slice
  }

  /** Over RunPod's OpenAI route a client's mistake looks like the server's failure. */
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
