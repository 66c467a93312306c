// What a call holds at a deployment: a waiting place, and then a permit. Both are used once, in
// whichever order a call ends, and ask the gate that gave them for everything else.

export interface WaitingPlace {
  /** A permit that is there for it now; null: it must wait. */
  atOnce(): Permit | null
  /**
   * The next free permit, in order of arrival. Rejects with the signal's reason, or with a fault
   * that was turned away as 'full' when it has waited too long for an upstream that is full.
   */
  permit(signal: AbortSignal, patience: Patience): Promise<Permit>
  /**
   * The call waits for something else first, and comes back for its permit: so long it takes none
   * of the places that others could wait in.
   */
  standAside(): void
  /** Gives the place back, if no permit came of it. */
  leave(): void
}

/** How long a call waits for an upstream that is full. */
export interface Patience {
  fullWaitMs: number
  /** Until when a call that was turned away waits; null: it was not turned away. */
  fullUntilTicksMs: number | null
}

export interface Permit {
  /** The upstream answers. */
  answered(): void
  release(): void
}

/** What places and permits ask of their gate. */
export interface Desk {
  atOnce(isFirst: boolean): Permit | null
  /** Throws where the upstream asked to be left alone for longer than the call waits. */
  refuseTooLong(patience: Patience): void
  wait(signal: AbortSignal, patience: Patience, isFirst: boolean): Promise<Permit>
  giveUp(): void
  stepAside(): void
  comeBack(): void
  served(): void
  cameFree(wasServed: boolean): void
  released(wasServed: boolean): void
}

export class Place implements WaitingPlace {
  readonly #desk: Desk
  readonly #isFirst: boolean
  #isUsed = false
  #isAside = false

  constructor(desk: Desk, isFirst: boolean) {
    this.#desk = desk
    this.#isFirst = isFirst
  }

  standAside(): void {
    if (this.#isUsed || this.#isAside) return
    this.#isAside = true
    this.#desk.stepAside()
  }

  #comeBack(): void {
    if (this.#isAside) this.#desk.comeBack()
    this.#isAside = false
  }

  atOnce(): Permit | null {
    this.#comeBack()
    const permit = this.#desk.atOnce(this.#isFirst)
    if (permit !== null) this.#isUsed = true
    return permit
  }

  async permit(signal: AbortSignal, patience: Patience): Promise<Permit> {
    this.#comeBack()
    try {
      signal.throwIfAborted()
      this.#desk.refuseTooLong(patience)
    } catch (cause) {
      this.leave()
      throw cause
    }
    this.#isUsed = true
    return this.#desk.atOnce(this.#isFirst) ?? this.#desk.wait(signal, patience, this.#isFirst)
  }

  leave(): void {
    this.#comeBack()
    if (!this.#isUsed) this.#desk.giveUp()
    this.#isUsed = true
  }
}

export class HeldPermit implements Permit {
  readonly #desk: Desk
  #isHeld = true
  #wasServed = false

  constructor(desk: Desk) {
    this.#desk = desk
  }

  answered(): void {
    this.#wasServed = true
    this.#desk.served()
    // A short answer may have ended, and released its permit, before this is called.
    if (!this.#isHeld) this.#desk.cameFree(true)
  }

  release(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.#desk.released(this.#wasServed)
  }
}
