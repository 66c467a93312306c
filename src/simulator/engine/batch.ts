// The engine's heartbeat: all running sequences advance by one token per step, as in vLLM. There is
// one timer per step, however many streams run; a timer that fires late makes up for it.
//
// When the room for keys and values is used up, the call that came last is paused: it waits in
// front of the others, and then reads its prompt, and what it had generated, anew.
import type { Clock, Timer } from '#domain'
import { type KvHolder, openKvSpace } from './kv-space.ts'
import type { SequenceRoom } from './sequence-room.ts'

/**
 * A step takes `stepMs + stepPerSequenceMs * sequences`, and longer when prompts are read in it
 * (chunked prefill): with q thousand prompt tokens arriving per second at p seconds each, a share
 * q*p of the time is prefill, so the mean time between tokens is (a + b*batch) / (1 - q*p). For
 * Mixtral 8x22B in FP8 on 4 H100s a=13.3 ms, b=0.70 ms, p=0.080 s come within 15 % of the sweep
 * that was published for vLLM (14.4, 17.1, 28.7, 42.3 ms per token at 1, 2, 4, 6 requests/s).
 */
export interface StepTiming {
  stepMs: number
  stepPerSequenceMs: number
  prefillMsPer1k: number
}

interface Generation {
  promptTokens: number
  /** Sequences side by side: `n` times the number of prompts. */
  sequences: number
  /** Steps until the longest of them has ended. */
  steps: number
  /** Called at each step with the number of steps done. */
  onStep(done: number): void
}

export interface BatchLimits {
  speed: number
  /** How many sequences may run; it may change at any time, and is counted for all engines. */
  room: SequenceRoom
  /** Tokens that fit into GPU memory; without it they always do. */
  kvTokens?: number
}

export interface Batch {
  /** Takes a generation in turn; the function given back takes it out again. */
  add(generation: Generation): () => void
  load(): { running: number; waiting: number }
  /** The share of the room for keys and values that is taken. */
  kvUsedShare(): number
  close(): void
}

/** When things happened to a generation, on the clock's ticks, as far as they did. */
interface GenerationTimes {
  addedMs: number
  startedMs: number
  firstTokenMs: number
  endedMs: number
}

/** Hears of what happens in a batch. */
export interface BatchWatch {
  stepped(stepMs: number, decoding: number, promptTokens: number): void
  preempted(): void
  /** It made all its tokens. */
  ended(generation: Generation, times: GenerationTimes): void
}

interface Member extends KvHolder {
  readonly generation: Generation
  readonly times: GenerationTimes
  done: number
  prefillLeft: number
  gone: boolean
}

/** Prompt tokens read in one step, as vLLM's `max_num_batched_tokens`. */
const prefillPerStepMax = 2048
/** Steps made up for by one timer; the sockets get their turn in between. */
const stepsPerTimerMax = 32
/** A delay longer than this is not made up for: the machine slept. */
const lateMaxMs = 250

export function startBatch(
  timing: StepTiming,
  limits: BatchLimits,
  clock: Clock,
  watch: BatchWatch | null = null,
): Batch {
  const { room } = limits
  const waiting: Member[] = []
  const running: Member[] = []
  const space = openKvSpace(limits.kvTokens ?? 0)
  let sequences = 0
  let startedMs = 0
  let endsAt = 0
  let timer: Timer | null = null
  let ticking = false
  let closed = false

  function admit(): void {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const size = next.sequences
      const isFull = sequences + size > room.max() || !space.fits(next, next.done)
      if (running.length > 0 && isFull) return
      waiting.shift()
      running.push(next)
      sequences += size
      room.began(size)
      space.grow(next, next.done)
      if (next.times.startedMs === 0) next.times.startedMs = startedMs
    }
  }

  /** Makes room for one more token of each; who came last is paused for it. False: some were. */
  function makeRoom(): boolean {
    let isEnough = true
    for (let at = 0; at < running.length; at += 1) {
      const member = running[at]
      if (member === undefined || member.prefillLeft > 0) continue
      while (!space.grow(member, member.done + 1)) {
        const last = running.at(-1)
        if (last === undefined || running.length === 1) break
        isEnough = false
        preempt(last)
        if (last === member) break
      }
    }
    return isEnough
  }

  function preempt(member: Member): void {
    running.splice(running.indexOf(member), 1)
    sequences -= member.sequences
    room.paused(member.sequences)
    space.release(member)
    member.prefillLeft = member.promptTokens + member.done * member.sequences
    waiting.unshift(member)
    watch?.preempted()
  }

  function beginStep(atMs: number): void {
    startedMs = atMs
    if (makeRoom()) admit()
    let readable = prefillPerStepMax
    let decoding = 0
    for (const member of running) {
      if (member.prefillLeft === 0) decoding += member.sequences
      else if (readable > 0) {
        const share = Math.min(member.prefillLeft, readable)
        member.prefillLeft -= share
        readable -= share
      }
    }
    const promptTokens = prefillPerStepMax - readable
    const prefillMs = (promptTokens / 1000) * timing.prefillMsPer1k
    const decodeMs = timing.stepMs + timing.stepPerSequenceMs * decoding
    endsAt = atMs + (decodeMs + prefillMs) / limits.speed
    watch?.stepped(endsAt - atMs, decoding, promptTokens)
  }

  function endStep(): void {
    for (const member of [...running]) {
      if (member.prefillLeft > 0 || member.gone) continue
      member.done += 1
      if (member.done === 1) member.times.firstTokenMs = endsAt
      if (member.done >= member.generation.steps) {
        member.times.endedMs = endsAt
        remove(member)
        watch?.ended(member.generation, member.times)
      }
      member.generation.onStep(member.done)
    }
  }

  function remove(member: Member): void {
    if (member.gone) return
    member.gone = true
    space.release(member)
    const at = running.indexOf(member)
    if (at !== -1) {
      running.splice(at, 1)
      sequences -= member.sequences
      room.paused(member.sequences)
    } else waiting.splice(waiting.indexOf(member), 1)
    room.left(member.sequences)
  }

  function tick(): void {
    timer = null
    const now = clock.ticksMs()
    if (now - endsAt > lateMaxMs) endsAt = now
    ticking = true
    for (let step = 0; step < stepsPerTimerMax && endsAt <= now; step += 1) {
      endStep()
      if (running.length + waiting.length === 0) break
      beginStep(endsAt)
    }
    ticking = false
    if (running.length + waiting.length > 0) schedule()
  }

  function schedule(): void {
    if (closed || timer !== null) return
    timer = clock.after(Math.max(0, endsAt - clock.ticksMs()), tick)
  }

  return {
    add(generation) {
      const member = memberFor(generation, clock.ticksMs())
      waiting.push(member)
      room.came(member.sequences)
      if (timer === null && !ticking) {
        beginStep(clock.ticksMs())
        schedule()
      }
      return () => remove(member)
    },
    load: () => ({ running: running.length, waiting: waiting.length }),
    kvUsedShare: space.usedShare,
    close() {
      closed = true
      timer?.cancel()
      for (const member of [...running, ...waiting]) remove(member)
    },
  }
}

function memberFor(generation: Generation, addedMs: number): Member {
  const { promptTokens, sequences } = generation
  return {
    generation,
    promptTokens: Math.max(1, promptTokens),
    sequences,
    blocks: 0,
    times: { addedMs, startedMs: 0, firstTokenMs: 0, endedMs: 0 },
    done: 0,
    prefillLeft: Math.max(1, promptTokens),
    gone: false,
  }
}
