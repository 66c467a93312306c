// Work that is done piece by piece, done at once.
import type { Pieces } from '#src/wire/index.ts'

export function atOnce<T>(pieces: Pieces<T>): T {
  for (;;) {
    const piece = pieces.next()
    if (piece.done) return piece.value
  }
}
