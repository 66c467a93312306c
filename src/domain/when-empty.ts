// Waits until nothing is left of something that is counted elsewhere.

/** Whoever waits until nothing is left of something that is counted. */
export class WhenEmpty {
  readonly #isEmpty: () => boolean
  readonly #sleepers: (() => void)[] = []

  constructor(isEmpty: () => boolean) {
    this.#isEmpty = isEmpty
  }

  /** Resolves at once if nothing is there. */
  wait(): Promise<void> {
    if (this.#isEmpty()) return Promise.resolve()
    return new Promise((resolve) => this.#sleepers.push(resolve))
  }

  /** Less is there than before. */
  look(): void {
    if (this.#isEmpty()) for (const wake of this.#sleepers.splice(0)) wake()
  }
}
