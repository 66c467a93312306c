// Keeps a client company: whenever a stream has been silent for a while, before its first event or
// in the middle of it, a comment says what is being waited for, or proxies and clients give up. The
// first one commits the 200, which is why it waits as long as it may. Comments are not an answer: a
// call may still go elsewhere after them.
//
// Nothing is done for an event: the timer looks when the last one was, and sleeps again.
import type { Clock, Timer } from '#domain'
import type { Encoder } from '#surfaces'
import { answerHeaders } from './answer-headers.ts'
import type { ClientEnd } from './client-end.ts'
import type { Story } from './story.ts'

export class Company {
  readonly #client: ClientEnd
  readonly #story: Story
  readonly #encoder: Encoder
  readonly #clock: Clock
  #timer: Timer | null = null
  /** When we spoke last, or began to listen. */
  #spokeTicksMs = 0

  constructor(client: ClientEnd, story: Story, encoder: Encoder, clock: Clock) {
    this.#client = client
    this.#story = story
    this.#encoder = encoder
    this.#clock = clock
  }

  start(): void {
    const { stream, keepAliveMs } = this.#story.call
    if (!stream) return
    this.#spokeTicksMs = this.#clock.ticksMs()
    this.#lookIn(keepAliveMs)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #lookIn(ms: number): void {
    this.#timer = this.#clock.after(ms, () => this.#look())
  }

  #look(): void {
    if (this.#client.signal.aborted) return
    const { call, lastEventTicksMs } = this.#story
    const nowTicksMs = this.#clock.ticksMs()
    const silentMs = nowTicksMs - Math.max(this.#spokeTicksMs, lastEventTicksMs ?? 0)
    if (silentMs < call.keepAliveMs) return this.#lookIn(call.keepAliveMs - silentMs)
    this.#speak()
    this.#spokeTicksMs = nowTicksMs
    this.#lookIn(call.keepAliveMs)
  }

  #speak(): void {
    // What it has not read yet would only grow.
    if (this.#story.isClientReading) return
    if (!this.#client.hasBegun) this.#client.begin(answerHeaders(this.#story))
    this.#client.write(this.#encoder.heartbeat(this.#story.latest))
  }
}
