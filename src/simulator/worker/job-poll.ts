// How a worker comes by its jobs: it asks for as many as it has places for, and holds the question
// open until some come. The Python SDK counts a job just taken twice (it is still in its own queue
// and in progress too), and what it asked for stands until the question is answered: that is why
// one worker hoards, and why places stay empty for a while in a burst.
import type { Clock, Timer } from '#domain'
import type { JobQueue, Work } from '../crew.ts'
import type { EndpointSettings } from '../endpoint/fleet-options.ts'
import type { Chance } from '../engine/random.ts'
import { drawSpan } from './boot-time.ts'

export interface JobPoll {
  /** Takes what there is, now or after the time that taking takes. */
  look(): void
  close(): void
}

export interface PollPorts {
  clock: Clock
  chance: Chance
  queue: JobQueue
  settings(): EndpointSettings
  /** How many more jobs it could hold. */
  places(): number
  /** A load balancer sends its calls; the worker does not ask for them. */
  isBalanced(): boolean
  /** Whether it takes jobs at all. */
  isUp(): boolean
  take(work: Work): void
}

/** How long the platform holds a question for jobs. */
const holdMs = 10_000
/** The SDK's rest when it has no place to ask for. */
const fullRestMs = 1000

export function openJobPoll(ports: PollPorts): JobPoll {
  const { clock, chance, queue, settings, places, isBalanced, isUp, take } = ports
  let asked = 0
  let askedUntilMs = Number.NEGATIVE_INFINITY
  let timer: Timer | null = null
  let isTaking = false

  const asks = () => settings().sdkPolling && !isBalanced()

  /** How many jobs the open question asks for. */
  function wanted(): number {
    if (!asks()) return places()
    const nowMs = clock.ticksMs()
    if (nowMs >= askedUntilMs) {
      asked = places()
      askedUntilMs = nowMs + holdMs
    }
    return asked
  }

  function askAgain(taken: number): void {
    asked = Math.max(0, places() - taken)
    askedUntilMs = clock.ticksMs() + (asked === 0 ? fullRestMs : holdMs)
  }

  function takeAll(): void {
    let taken = 0
    isTaking = true
    let left = wanted()
    while (Math.min(left, places()) > 0) {
      const work = queue.take()
      if (work === undefined) break
      taken += 1
      take(work)
      left = asks() ? left - 1 : places()
    }
    isTaking = false
    if (asks() && taken > 0) askAgain(taken)
  }

  function look(): void {
    if (timer !== null || isTaking || queue.length() === 0 || !isUp()) return
    if (wanted() > 0) {
      const delayMs = isBalanced() ? 0 : drawSpan(chance, settings().takeTime)
      if (delayMs === 0) takeAll()
      else return wait(delayMs, takeAll)
    }
    if (asks() && queue.length() > 0) {
      wait(Math.max(0, askedUntilMs - clock.ticksMs()), () => {})
    }
  }

  function wait(ms: number, then: () => void): void {
    timer = clock.after(ms, () => {
      timer = null
      then()
      look()
    })
  }

  return {
    look,
    close() {
      timer?.cancel()
      timer = null
      askedUntilMs = Number.NEGATIVE_INFINITY
    },
  }
}
