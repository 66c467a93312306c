// Who listens to a change, until each listener's own disposable is disposed.

/** The listeners of one kind of news. */
export class ListenerSet<Told extends unknown[] = []> {
  readonly #listeners = new Set<(...told: Told) => void>()

  add(listener: (...told: Told) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** Those that are added meanwhile are told the next time. */
  tell(...told: Told): void {
    for (const listener of [...this.#listeners]) listener(...told)
  }

  clear(): void {
    this.#listeners.clear()
  }
}
