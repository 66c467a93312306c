// Writes the text of events to a client. Events that came together are written together, because
// one write costs as much as everything else that is done to an event.
import { asFault } from '#domain'
import { answerHeaders } from './answer-headers.ts'
import type { ClientEnd } from './client-end.ts'
import type { Delivery } from './delivery.ts'
import { isClientGone } from './ending.ts'
import type { Story } from './story.ts'

/** Text of this length is written at once, even when more events are queued. */
const togetherMax = 16_384

export class Speech {
  readonly #client: ClientEnd
  readonly #story: Story
  readonly #delivery: Delivery
  #text = ''

  constructor(client: ClientEnd, story: Story, delivery: Delivery) {
    this.#client = client
    this.#story = story
    this.#delivery = delivery
  }

  /**
   * To be called after each event, also after one without text (null). Returns a promise only when
   * the client must be waited for. Text is held only while more events are already queued.
   */
  say(text: string | null, hasMore: boolean): Promise<void> | null {
    if (text !== null) this.#text = this.#text === '' ? text : this.#text + text
    if (this.#text === '' || (hasMore && this.#text.length < togetherMax)) return null
    return this.#write() ? null : this.#delivery.whileClientReads(this.#client.drained())
  }

  /** No more events come: writes the text that is held, unless the client is gone. */
  end(): void {
    const { aborted, reason } = this.#client.signal
    const isGone = aborted && isClientGone(asFault(reason).kind)
    if (this.#text !== '' && !isGone) this.#write()
  }

  #write(): boolean {
    const text = this.#text
    this.#text = ''
    if (!this.#client.hasBegun) this.#client.begin(answerHeaders(this.#story))
    return this.#client.write(text)
  }
}
