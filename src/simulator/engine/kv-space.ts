// The room for keys and values on the GPU, in blocks of sixteen tokens as vLLM deals it out. The
// prompt is held once for all sequences of a call, what they generate for each.

export interface KvSpace {
  /** Takes what a call holds after so many steps; false: there is no room for more. */
  grow(holder: KvHolder, done: number): boolean
  fits(holder: KvHolder, done: number): boolean
  release(holder: KvHolder): void
  /** From 0 to 1. */
  usedShare(): number
}

export interface KvHolder {
  readonly promptTokens: number
  readonly sequences: number
  blocks: number
}

const blockTokens = 16

/** `tokens` 0: room without end. */
export function openKvSpace(tokens: number): KvSpace {
  const total = tokens === 0 ? Number.POSITIVE_INFINITY : Math.floor(tokens / blockTokens)
  let used = 0
  const moreFor = (holder: KvHolder, done: number) => {
    const own = Math.ceil(done / blockTokens) * holder.sequences
    return Math.ceil(holder.promptTokens / blockTokens) + own - holder.blocks
  }
  return {
    grow(holder, done) {
      const more = moreFor(holder, done)
      if (used + more > total) return false
      used += more
      holder.blocks += more
      return true
    },
    fits: (holder, done) => used + moreFor(holder, done) <= total,
    release(holder) {
      used -= holder.blocks
      holder.blocks = 0
    },
    usedShare: () => (Number.isFinite(total) ? Math.min(1, used / Math.max(1, total)) : 0),
  }
}
