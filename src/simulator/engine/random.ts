// Chance that can be repeated: a hash of texts to start from, and a small generator (mulberry32).
// Nothing here is secret, so speed and shortness decide.

export interface Chance {
  /** A number from 0 up to, but not including, 1. */
  next(): number
  below(limit: number): number
  pick<T>(items: readonly T[], otherwise: T): T
}

export function hexDigits(chance: Chance, count: number): string {
  return Array.from({ length: count }, () => chance.below(16).toString(16)).join('')
}

/** A 32-bit hash (FNV-1a) of the parts. */
export function hashOf(...parts: readonly (string | number)[]): number {
  let hash = 0x811c9dc5
  for (const part of parts) {
    const text = `${part}\u0000`
    for (let at = 0; at < text.length; at += 1) {
      hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
    }
  }
  return hash >>> 0
}

export function chanceFrom(seed: number): Chance {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return { next, below, pick: (items, otherwise) => items[below(items.length)] ?? otherwise }
}
