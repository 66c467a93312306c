// Moves an answer to its client, event by event, at the client's pace: everything but the terminal
// frame, which waits for the ledger. While the client does not read, nothing is read from the
// upstream, so what is held for a slow client is bounded.
//
// A stream is over at its mark of the end, when its body ends, or some seconds after its last
// choice has finished. It is complete if by then the encoder saw every choice finish.
import { type Answer, asFault, type Clock, Fault, type Timer } from '#domain'
import type { Encoder } from '#surfaces'
import { answerHeaders } from './answer-headers.ts'
import type { ClientEnd } from './client-end.ts'
import type { Delivery } from './delivery.ts'
import { type Ending, failed, interrupted, isClientGone } from './ending.ts'
import type { Story } from './story.ts'

/**
 * When every choice has finished, only the usage and the mark of the end are still to come. An
 * upstream that forgets them must not keep a client waiting that has its answer.
 */
const lastWordsMs = 5_000

/** Text of this length is written at once, even when more events are queued. */
const togetherMax = 16_384

/** An answer, its client, and what stands between them. */
export interface DeliverAsk {
  answer: Answer
  encoder: Encoder
  client: ClientEnd
  story: Story
  delivery: Delivery
  clock: Clock
}

export async function deliver(ask: DeliverAsk): Promise<Ending> {
  const { answer, encoder, client, story, delivery, clock } = ask
  const { signal } = client
  const speech = new Speech(client, story, delivery)
  let lastWords: Timer | null = null
  try {
    for (;;) {
      const event = await answer.next()
      signal.throwIfAborted()
      if (event === null || event.kind === 'done') return over(ask, null)
      // An error is a failure whatever follows it: a dying vLLM says `[DONE]` as well.
      if (event.kind === 'failed') return failed(event.fault, signal)
      let sent: Promise<void> | null
      try {
        const text = encoder.take(event)
        delivery.event()
        if (event.kind === 'whole') return over(ask, text)
        // Most events need no turn of their own.
        sent = speech.say(text, answer.hasMore())
      } catch (cause) {
        return failed(cause, signal)
      }
      if (sent !== null) await sent
      if (lastWords === null && encoder.isComplete()) {
        lastWords = clock.after(lastWordsMs, () => answer[Symbol.dispose]())
      }
    }
  } catch (cause) {
    return interrupted(cause, signal, story.call.stream && encoder.isComplete())
  } finally {
    lastWords?.cancel()
    // What was good reaches the client, whatever came behind it.
    speech.end()
    delivery.ended()
  }
}

function over({ encoder, client }: DeliverAsk, whole: string | null): Ending {
  if (encoder.isComplete()) return { kind: 'complete', whole }
  const message = 'The model’s server ended its answer before it was complete.'
  return failed(new Fault('upstream_cut', { message, started: 'yes' }), client.signal)
}

/**
 * Writes the text of events. Events that came together are written together, because one write
 * costs as much as everything else that is done to an event.
 */
class Speech {
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
