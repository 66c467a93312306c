// The batches of the first generation: its handler counts events and yields them together, more
// each time, so that a long answer costs few posts and comes in lumps.
import type { JobSink } from '../job-sink.ts'
import { openPosts, type PostPace, type Posts } from './posts.ts'

/** `DEFAULT_BATCH_SIZE`, `MIN_BATCH_SIZE` and `BATCH_SIZE_GROWTH_FACTOR`, left as they are. */
const batchMax = 50
const batchMin = 1
const growth = 3

/** Events that wait for their post; then vLLM waits. */
const waitingMax = 1000

export interface Batches extends Omit<Posts, 'flush'> {
  /** False: wait for `whenDrained`. */
  add(event: string): boolean
}

export function openBatches(
  sink: JobSink,
  pace: PostPace,
  glue: (events: string[]) => unknown,
): Batches {
  let waiting: string[] = []
  let size = batchMin
  const posts = openPosts(sink, pace, (isEnded) => {
    if (waiting.length === 0 || (waiting.length < size && !isEnded)) return undefined
    const events = waiting.slice(0, size)
    waiting = waiting.slice(size)
    size = Math.min(size * growth, batchMax)
    return glue(events)
  })
  return {
    ...posts,
    add(event) {
      waiting.push(event)
      posts.flush()
      return waiting.length < waitingMax
    },
  }
}
