// Keeps a waiting client company: when a stream has been silent for a while, a comment says what is
// being waited for. The first one commits the 200, which is why it waits as long as it may.
// Comments are not an answer: a call may still go elsewhere after them.
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

  constructor(client: ClientEnd, story: Story, encoder: Encoder, clock: Clock) {
    this.#client = client
    this.#story = story
    this.#encoder = encoder
    this.#clock = clock
  }

  start(): void {
    const { stream, keepAliveMs } = this.#story.call
    if (stream) this.#timer = this.#clock.after(keepAliveMs, () => this.#speak())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #speak(): void {
    if (this.#client.signal.aborted) return
    if (!this.#client.hasBegun) this.#client.begin(answerHeaders(this.#story))
    this.#client.write(this.#encoder.heartbeat(this.#story.latest))
    this.start()
  }
}
