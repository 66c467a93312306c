// The bytes of a body as its pieces come. Where their number was told, each piece is put in its
// place at once and can be forgotten: pieces that are kept until the last has come are what V8
// collects the whole heap for, because it counts the memory outside of it.

export class GatheredBytes {
  readonly #declared: number | null
  #pieces: Buffer[] = []
  #all: Buffer | null = null
  #bytes = 0

  /** null: nobody told how many there will be. */
  constructor(declared: number | null) {
    this.#declared = declared
  }

  add(piece: Buffer): void {
    const at = this.#bytes
    this.#bytes += piece.length
    if (this.#declared === null || this.#declared === piece.length) this.#pieces.push(piece)
    else {
      this.#all ??= Buffer.allocUnsafeSlow(this.#declared)
      piece.copy(this.#all, at)
    }
  }

  whole(): Buffer {
    if (this.#all !== null) return this.#all.subarray(0, this.#bytes)
    const [only] = this.#pieces
    if (this.#pieces.length === 1 && only !== undefined) return only
    return Buffer.concat(this.#pieces, this.#bytes)
  }
}
