// What is said to a client: events that came together go on together, because each write of its own
// costs as much as all that is done to an event.
import { answerHeaders } from './answer-headers.ts'
import type { ClientEnd } from './client-end.ts'
import type { Story } from './story.ts'

/** So much is not held back for what comes with it. */
const togetherMax = 16_384

export class Speech {
  readonly #client: ClientEnd
  readonly #story: Story
  #text = ''

  constructor(client: ClientEnd, story: Story) {
    this.#client = client
    this.#story = story
  }

  /** A promise only when the client must be waited for. */
  say(text: string, hasMore: boolean): Promise<void> | null {
    this.#text = this.#text === '' ? text : this.#text + text
    return hasMore && this.#text.length < togetherMax ? null : this.out()
  }

  out(): Promise<void> | null {
    const text = this.#text
    if (text === '') return null
    this.#text = ''
    if (!this.#client.hasBegun) this.#client.begin(answerHeaders(this.#story))
    if (this.#client.write(text)) return null
    return this.#story.whileClientReads(this.#client.drained())
  }
}
