// Numbers that look random and are the same in every run (mulberry32).

/** `count` different offsets between 0 and `length`. */
export function seededOffsets(seed: number, count: number, length: number): number[] {
  const next = seededNumbers(seed)
  const offsets = new Set<number>()
  while (offsets.size < Math.min(count, length + 1)) offsets.add(Math.floor(next() * (length + 1)))
  return [...offsets]
}

function seededNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
