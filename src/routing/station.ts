// One deployment as calls meet it: its upstream, how many sequences run there, and whether calls
// are sent there now. A station only counts places; the line decides which call gets them.
import { type Clock, type Deployment, type Fault, type Upstream, WhenEmpty } from '#domain'
import { Circuit, type CircuitState } from './circuit.ts'
import { weigh } from './judge.ts'
import type { RoutingOptions } from './options.ts'
import { Pause } from './pause.ts'

export interface StationPorts {
  clock: Clock
  options: Pick<RoutingOptions, 'busyPauseMs' | 'circuits'>
  onCircuit(station: Station, state: CircuitState['is']): void
}

const nobody = () => {}

export class Station {
  deployment: Deployment
  readonly upstream: Upstream
  readonly pause: Pause
  readonly circuit: Circuit
  /** Called when there may be more places than before, and when the circuit changed. */
  onChange: () => void = nobody
  /** Sequences of the calls that run there. */
  #running = 0
  #calls = 0
  readonly #emptied = new WhenEmpty(() => this.#calls === 0)

  constructor(deployment: Deployment, upstream: Upstream, ports: StationPorts) {
    this.deployment = deployment
    this.upstream = upstream
    const changed = () => this.onChange()
    let told: CircuitState['is'] = 'closed'
    this.pause = new Pause(ports.clock, ports.options.busyPauseMs, changed)
    this.circuit = new Circuit({
      clock: ports.clock,
      isUsed: ports.options.circuits,
      onChange: (state) => {
        // A trial that said nothing lets the next one in, under the same state.
        if (state !== told) ports.onCircuit(this, state)
        told = state
        changed()
      },
    })
    upstream.onChange(changed)
  }

  get running(): number {
    return this.#running
  }

  get places(): number {
    return this.upstream.capacity()
  }

  get weight(): number {
    return this.deployment.weight
  }

  /** A call may be sent there, if there are places for it. */
  isOpen(): boolean {
    return !this.pause.isOn && this.circuit.admits()
  }

  /** A call with more sequences than there are places starts when nothing else runs there. */
  hasPlaceFor(sequences: number): boolean {
    if (this.#calls === 0) return this.upstream.capacity() > 0
    return this.#running + this.#weightOf(sequences) <= this.upstream.capacity()
  }

  free(): number {
    return Math.max(0, this.upstream.capacity() - this.#running)
  }

  take(sequences: number): Permit {
    const weight = this.#weightOf(sequences)
    this.#running += weight
    this.#calls += 1
    return new Permit(this, weight, this.circuit.began())
  }

  /** For its permits. */
  released(weight: number, wasServed: boolean): void {
    this.#running -= weight
    this.#calls -= 1
    // A call that was turned away gives back a place that it never had: that ends no pause.
    if (wasServed) this.pause.placeCameFree()
    this.onChange()
    this.#emptied.look()
  }

  /** Resolves when no call runs there. */
  whenEmpty(): Promise<void> {
    return this.#emptied.wait()
  }

  /** Stops all timers. */
  close(): void {
    this.onChange = nobody
    this.pause.close()
    this.circuit.close()
  }

  #weightOf(sequences: number): number {
    return Math.min(sequences, this.deployment.slots)
  }
}

/** What the circuit must know of the call whose attempt ended. */
export interface AttemptEnd {
  keyId: string
  /** The time from the call's arrival to its deadline. */
  callMs: number
}

/** Places for one attempt, until the upstream's work is over. */
export class Permit {
  readonly station: Station
  readonly #weight: number
  readonly #era: number
  #isHeld = true
  #wasServed = false
  #isTold = false

  constructor(station: Station, weight: number, era: number) {
    this.station = station
    this.#weight = weight
    this.#era = era
  }

  /** The upstream answers. */
  answered(): void {
    this.#wasServed = true
    const { pause } = this.station
    const wasFull = pause.isFull
    pause.served()
    // A short answer may have ended before this is called, and its place is free already.
    if (!this.#isHeld) pause.placeCameFree()
    if (wasFull) this.station.onChange()
  }

  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.station.released(this.#weight, this.#wasServed)
  }

  /** How the attempt ended; null: its answer is complete. Only the first time counts. */
  ended(fault: Fault | null, { keyId, callMs }: AttemptEnd): void {
    if (this.#isTold) return
    this.#isTold = true
    const { circuit, upstream } = this.station
    const wasCold = fault !== null && isCold(upstream.readiness().state)
    circuit.ended(weigh(fault, { wasCold, callMs }), keyId, this.#era)
  }
}

function isCold(state: string): boolean {
  return state === 'cold' || state === 'warming'
}
