// Keeps a client company. When a stream has been silent for a while, before its first event or in
// the middle of it, a comment says what the call waits for; otherwise proxies and clients give up.
// The first comment commits the 200, so it comes as late as it may. Comments are not an answer: the
// call may still go to another deployment after them.
//
// Events cost nothing here: the timer looks when the last one came, and sleeps again.
import type { Clock, Timer } from '#domain'
import type { Encoder } from '#surfaces'
import { answerHeaders } from './answer-headers.ts'
import type { ClientEnd } from './client-end.ts'
import type { Delivery } from './delivery.ts'
import type { Story } from './story.ts'

export class Company {
  readonly #client: ClientEnd
  readonly #story: Story
  readonly #encoder: Encoder
  readonly #clock: Clock
  #timer: Timer | null = null
  /** When the last comment was sent, or the silence began. */
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
    const { keepAliveMs } = this.#story.call
    const lastEventTicksMs = this.#delivery?.lastEventTicksMs ?? 0
    const nowTicksMs = this.#clock.ticksMs()
    const silentMs = nowTicksMs - Math.max(this.#spokeTicksMs, lastEventTicksMs)
    if (silentMs < keepAliveMs) return this.#lookIn(keepAliveMs - silentMs)
    this.#speak()
    this.#spokeTicksMs = nowTicksMs
    this.#lookIn(keepAliveMs)
  }

  #speak(): void {
    const { attempts } = this.#story
    // A client that has text left to read would only get more of it.
    if (attempts === null || this.#delivery?.isClientReading === true) return
    if (!this.#client.hasBegun) this.#client.begin(answerHeaders(this.#story))
    this.#client.write(this.#encoder.heartbeat(attempts.waitsFor))
  }

  get #delivery(): Delivery | null {
    return this.#story.attempts?.latest?.delivery ?? null
  }
}
