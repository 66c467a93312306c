// What a handler yields travels to the platform as one post after the other, and each is awaited:
// while RunPod takes its time to accept one, and while a reader is slow, the next has to wait.
import type { Clock, Timer } from '#domain'
import type { JobSink } from '../job-sink.ts'

export interface PostPace {
  clock: Clock
  postMs: number
}

export interface Posts {
  isBusy(): boolean
  send(output: unknown): void
  /** The handler is through. */
  end(): void
  /** Nothing is called back any more. */
  stop(): void
}

/** `free` is called when the next may be sent, within `send` when there is nothing to wait for. */
export function openPosts(sink: JobSink, { clock, postMs }: PostPace, free: () => void): Posts {
  let isBusy = false
  let isStopped = false
  let timer: Timer | null = null

  function accepted(): void {
    if (isStopped) return
    isBusy = false
    free()
  }

  function settle(): void {
    if (postMs === 0) accepted()
    else timer = clock.after(postMs, accepted)
  }

  return {
    isBusy: () => isBusy,
    send(output) {
      if (isStopped) return
      isBusy = true
      if (sink.yielded(output)) settle()
      else sink.whenDrained(settle)
    },
    end() {
      if (!isStopped) sink.done()
    },
    stop() {
      isStopped = true
      isBusy = false
      timer?.cancel()
    },
  }
}
