// What is held of answers: half-read bodies and events, and events that their clients have yet to
// take. Each answer has bounds of its own; their sum is kept here, for a bound on all of them and
// for whoever watches this process's memory.

let allBytes = 0

/** Of all answers of this process. */
export function heldAnswerBytes(): number {
  return allBytes
}

export class HeldBytes {
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  add(bytes: number): void {
    this.#bytes += bytes
    allBytes += bytes
  }

  set(bytes: number): void {
    if (bytes !== this.#bytes) this.add(bytes - this.#bytes)
  }
}
