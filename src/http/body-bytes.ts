// What all request bodies together may hold of this process's memory: those that are being read and
// those of calls that still run. One body has a limit of its own; a thousand at once need this one.
import { tooManyBodies } from './faults.ts'

export interface BodyBytes {
  held(): number
  /** A share that grows as a body of at most so many bytes does, until it is given back. */
  open(bytesMax: number, declaredBytes: number | null): BodyShare
}

export interface BodyShare {
  /** Of this one body. */
  readonly bytesMax: number
  /** What the client said they are, and all of them were taken at once; null: it did not say. */
  readonly declaredBytes: number | null
  /** Throws a 429 when all bodies together would hold too much. */
  take(bytes: number): void
  release(): void
}

export function createBodyBytes(allBytesMax: number): BodyBytes {
  let held = 0
  return {
    held: () => held,
    open(bytesMax, declaredBytes) {
      let mine = 0
      let isOver = false
      return {
        bytesMax,
        declaredBytes,
        take(bytes) {
          if (isOver) return
          // A body that is alone is let in: a bound below the largest body would never open.
          const others = held - mine
          if (others > 0 && held + bytes > allBytesMax) throw tooManyBodies()
          mine += bytes
          held += bytes
        },
        release() {
          isOver = true
          held -= mine
          mine = 0
        },
      }
    },
  }
}
