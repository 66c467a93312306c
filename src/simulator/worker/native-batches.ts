// The batches of the first generation: its handler counts events and yields them together, more
// each time, so that a long answer costs few posts and comes in lumps.
import type { JobSink } from '../job-sink.ts'
import { openPosts, type PostPace } from './posts.ts'

/** `DEFAULT_BATCH_SIZE`, `MIN_BATCH_SIZE` and `BATCH_SIZE_GROWTH_FACTOR`, left as they are. */
const batchMax = 50
const batchMin = 1
const growth = 3

/** Events that wait for their post; then vLLM waits. */
const waitingMax = 1000

export interface Batches {
  /** False: wait for `whenDrained`. */
  add(event: string): boolean
  whole(value: unknown): void
  whenDrained(callback: () => void): void
  end(): void
  stop(): void
}

export function openBatches(
  sink: JobSink,
  pace: PostPace,
  glue: (events: string[]) => unknown,
): Batches {
  let waiting: string[] = []
  let size = batchMin
  let isEnded = false
  let drained: (() => void) | null = null
  const posts = openPosts(sink, pace, flush)

  function flush(): void {
    if (posts.isBusy()) return
    if (waiting.length >= size || (isEnded && waiting.length > 0)) {
      const events = waiting.slice(0, size)
      waiting = waiting.slice(size)
      size = Math.min(size * growth, batchMax)
      return posts.send(glue(events))
    }
    if (isEnded) return posts.end()
    const callback = drained
    drained = null
    callback?.()
  }

  return {
    add(event) {
      waiting.push(event)
      flush()
      return waiting.length < waitingMax
    },
    whole: (value) => posts.send(value),
    whenDrained(callback) {
      if (posts.isBusy()) drained = callback
      else callback()
    },
    end() {
      isEnded = true
      flush()
    },
    stop: posts.stop,
  }
}
