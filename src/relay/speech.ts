// What is said to a client: events that came together go on together, because each write of its own
// costs as much as all that is done to an event.
import { Fault, type FaultName } from '#domain'
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

  /**
   * After each event, also one that says nothing (null): a promise only when the client must be
   * waited for. What is held back waits for nothing but what is there already.
   */
  say(text: string | null, hasMore: boolean): Promise<void> | null {
    if (text !== null) this.#text = this.#text === '' ? text : this.#text + text
    if (this.#text === '' || (hasMore && this.#text.length < togetherMax)) return null
    return this.#write() ? null : this.#story.whileClientReads(this.#client.drained())
  }

  /** Nothing more comes: what is left is said, unless nobody is there to hear it. */
  end(): void {
    const { aborted, reason } = this.#client.signal
    const isGone = aborted && reason instanceof Fault && gone.has(reason.kind)
    if (this.#text !== '' && !isGone) this.#write()
  }

  #write(): boolean {
    const text = this.#text
    this.#text = ''
    if (!this.#client.hasBegun) this.#client.begin(answerHeaders(this.#story))
    return this.#client.write(text)
  }
}

const gone: ReadonlySet<FaultName> = new Set(['client_gone', 'slow_client'])
