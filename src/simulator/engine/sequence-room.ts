// How many sequences each engine of an endpoint may run at once, and how many its engines have in
// hand. The engines of an endpoint share one room: its size changes for all of them at once, those
// of workers that start later too, and the counts are of all of them together.
//
// A gateway that counts places must never hand out more than it has, unless one call alone is
// larger than that: such a call is left out of `sharedPeak`, so that a test can compare.

export interface SequenceCounts {
  /** What each engine runs at once, at most. */
  max: number
  running: number
  /** In an engine, but without a turn yet. */
  waiting: number
  runningPeak: number
  /** The most that were in engines at once, running or waiting. */
  heldPeak: number
  /** The same, while engines held more than one call. */
  sharedPeak: number
}

export interface SequenceRoom {
  /** Read by each engine when it lets sequences in. */
  max(): number
  /** What runs goes on, even where it is too much now. */
  resize(seqsMax: number): void
  /** A call with so many sequences came to an engine. */
  came(sequences: number): void
  /** It got its turn, or lost it again. */
  began(sequences: number): void
  paused(sequences: number): void
  /** It ended after it was paused, or before it began. */
  left(sequences: number): void
  counts(): SequenceCounts
}

export function openSequenceRoom(seqsMax: number): SequenceRoom {
  const counts = { max: seqsMax, running: 0, waiting: 0 }
  const peaks = { runningPeak: 0, heldPeak: 0, sharedPeak: 0 }
  let calls = 0

  return {
    max: () => counts.max,
    resize(most) {
      counts.max = most
    },
    came(sequences) {
      calls += 1
      counts.waiting += sequences
      const held = counts.running + counts.waiting
      peaks.heldPeak = Math.max(peaks.heldPeak, held)
      if (calls > 1) peaks.sharedPeak = Math.max(peaks.sharedPeak, held)
    },
    began(sequences) {
      counts.waiting -= sequences
      counts.running += sequences
      peaks.runningPeak = Math.max(peaks.runningPeak, counts.running)
    },
    paused(sequences) {
      counts.running -= sequences
      counts.waiting += sequences
    },
    left(sequences) {
      calls -= 1
      counts.waiting -= sequences
    },
    counts: () => ({ ...counts, ...peaks }),
  }
}
