// Bytes that are held of answers: bodies and events that have come in part, and events that their
// clients have not taken yet. Each answer has bounds of its own. This keeps the sum of all answers,
// for the bound on all of them and for the metric of this process's memory.

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
