// Bytes that come in pieces, gathered until they are whole. If their number is known, each piece is
// copied into one buffer at once and let go. Pieces that were kept until the last one came would
// make V8 collect the whole heap, because it counts their memory too. If the number is not known,
// small pieces are joined as they come: each takes a hundred bytes and more to keep, and a client
// that sends single bytes must not make us hold a hundred times what we count.

/** Pieces are joined up to this size; larger ones are few. */
const joinedMax = 65_536

export class GatheredBytes {
  readonly #declared: number | null
  #pieces: Buffer[] = []
  #all: Buffer | null = null
  #byteCount = 0

  /** null: nobody said how many bytes will come. */
  constructor(declared: number | null = null) {
    this.#declared = declared
  }

  get byteCount(): number {
    return this.#byteCount
  }

  add(piece: Buffer): void {
    if (piece.length === 0) return
    const at = this.#byteCount
    this.#byteCount += piece.length
    if (this.#declared === null || this.#declared === piece.length) {
      this.#pieces.push(piece)
      if (this.#pieces.length > 1) this.#joinLast()
    } else {
      this.#all ??= Buffer.allocUnsafeSlow(this.#declared)
      piece.copy(this.#all, at)
    }
  }

  whole(): Buffer {
    if (this.#all !== null) return this.#all.subarray(0, this.#byteCount)
    const [only] = this.#pieces
    if (this.#pieces.length === 1 && only !== undefined) return only
    return Buffer.concat(this.#pieces, this.#byteCount)
  }

  /** Joins pieces of similar size only, so each byte is copied a dozen times at most. */
  #joinLast(): void {
    const pieces = this.#pieces
    for (;;) {
      const last = pieces.at(-1)
      const before = pieces.at(-2)
      if (last === undefined || before === undefined) return
      const isLarge = before.length + last.length > joinedMax
      if (isLarge || before.length > 2 * last.length) return
      pieces.length -= 2
      pieces.push(Buffer.concat([before, last]))
    }
  }
}
