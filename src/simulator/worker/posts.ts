// What a handler yields travels to the platform as one post after the other, and each is awaited:
// while RunPod takes its time to accept one, and while a reader is slow, the next has to wait.
import type { Clock, Timer } from '#domain'
import type { JobSink } from '../job-sink.ts'

export interface PostPace {
  clock: Clock
  postMs: number
}

export interface Posts {
  /** There may be something to post. */
  flush(): void
  /** Posts one value of its own, a whole answer. */
  whole(output: unknown): void
  whenDrained(callback: () => void): void
  /** The handler is through: what is left is posted, and the job is done. */
  end(): void
  /** Nothing is posted any more, and the job does not end. */
  stop(): void
}

/** `next` takes what the next post is to carry; undefined: nothing yet. */
export function openPosts(
  sink: JobSink,
  { clock, postMs }: PostPace,
  next: (isEnded: boolean) => unknown,
): Posts {
  let state: 'free' | 'busy' | 'stopped' = 'free'
  let isEnded = false
  let drained: (() => void) | null = null
  let timer: Timer | null = null

  /** After a stop that vLLM did not hear of, events still come: they are taken and dropped. */
  function flush(): void {
    if (state === 'busy') return
    const output = next(isEnded)
    if (output !== undefined) return send(output)
    if (isEnded) {
      if (state !== 'stopped') sink.done()
      return
    }
    const callback = drained
    drained = null
    callback?.()
  }

  function send(output: unknown): void {
    if (state === 'stopped') return
    state = 'busy'
    if (sink.yielded(output)) settle()
    else sink.whenDrained(settle)
  }

  function settle(): void {
    if (postMs === 0) accepted()
    else timer = clock.after(postMs, accepted)
  }

  function accepted(): void {
    if (state === 'stopped') return
    state = 'free'
    flush()
  }

  return {
    flush,
    whole: send,
    whenDrained(callback) {
      if (state === 'busy') drained = callback
      else callback()
    },
    end() {
      isEnded = true
      flush()
    },
    stop() {
      state = 'stopped'
      timer?.cancel()
    },
  }
}
