// Bytes that come in pieces, gathered until they are whole. Where their number was told, each piece
// is put in its place at once and can be forgotten: pieces that are kept until the last has come
// are what V8 collects the whole heap for, because it counts the memory outside of it. Where it was
// not, small pieces are joined as they come: a piece takes a hundred bytes and more to keep, and
// whoever sends single bytes must not make us hold a hundred times what was counted.

/** Pieces are joined up to this size: so many cost little, whatever they are. */
const joinedMax = 65_536

export class GatheredBytes {
  readonly #declared: number | null
  #pieces: Buffer[] = []
  #all: Buffer | null = null
  #byteCount = 0

  /** null: nobody told how many there will be. */
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

  /** As long as the one before is not much larger: each byte is copied a dozen times at most. */
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
