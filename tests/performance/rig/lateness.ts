// How late chunks are that should come at known moments. All streams of an engine advance at the
// same moments, one step apart, so the moments need not be told: the earliest that any chunk ever
// came after a step shows where the steps are, and every other chunk is measured against them.

/** `arrivals`: for each stream, when each of its chunks came. Sorted from the least to the most. */
export function latenessMs(arrivals: readonly (readonly number[])[], stepMs: number): Float64Array {
  const earliest = arrivals.map((moments) => {
    return moments.reduce((least, at, chunk) => Math.min(least, at - chunk * stepMs), Infinity)
  })
  const startMs = stepStart(
    earliest.map((at) => positive(at, stepMs)),
    stepMs,
  )
  const late = arrivals.flatMap((moments, stream) => {
    const firstMs = earliest[stream] ?? 0
    const behindMs = positive(firstMs - startMs, stepMs)
    return moments.map((at, chunk) => behindMs + at - chunk * stepMs - firstMs)
  })
  return Float64Array.from(late).sort()
}

/** Where in a step the first chunk of all comes: behind the longest time in which none does. */
function stepStart(phases: readonly number[], stepMs: number): number {
  const sorted = phases.toSorted((one, other) => one - other)
  const [first = 0] = sorted
  let widestMs = -1
  let startMs = first
  for (const [at, phase] of sorted.entries()) {
    const next = sorted[at + 1] ?? first + stepMs
    if (next - phase > widestMs) {
      widestMs = next - phase
      startMs = next % stepMs
    }
  }
  return startMs
}

function positive(value: number, modulus: number): number {
  return ((value % modulus) + modulus) % modulus
}
