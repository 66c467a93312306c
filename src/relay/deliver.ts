// Moves an answer to its client, event by event, at the client's pace: everything but the terminal
// frame, which waits for the ledger. Nothing is read from the upstream while the client does not
// read, so what is held for a slow client is bounded.
import {
  type Answer,
  type Clock,
  Fault,
  type FaultName,
  type Timer,
  type UpstreamEvent,
} from '#domain'
import type { Encoder } from '#surfaces'
import type { ClientEnd } from './client-end.ts'
import { type Ending, failed } from './ending.ts'
import { Speech } from './speech.ts'
import type { Story } from './story.ts'

/**
 * When every choice has finished, only the usage and the mark of the end are still to come. Who
 * forgets them must not keep a client that has its answer.
 */
const lastWordsMs = 5_000

/** An answer, its client, and what stands between them. */
export interface Delivery {
  answer: Answer
  encoder: Encoder
  client: ClientEnd
  story: Story
  clock: Clock
}

export async function deliver(delivery: Delivery): Promise<Ending> {
  const { answer, encoder, client, story, clock } = delivery
  let whole: string | null = null
  let lastWords: Timer | null = null
  const speech = new Speech(client, story)
  story.answering(answer.timings)
  try {
    for (;;) {
      let event: UpstreamEvent | null
      try {
        event = await answer.next()
        client.signal.throwIfAborted()
      } catch (cause) {
        if (tookNothing(delivery)) break
        return failed(cause, client.signal)
      }
      if (event === null || event.kind === 'done') break
      // An error is a failure whatever follows it: a dying vLLM says `[DONE]` as well.
      if (event.kind === 'failed') return failed(event.fault, client.signal)
      const text = encoder.take(event)
      story.event()
      if (event.kind === 'whole') {
        // There is no more of it.
        whole = text
        break
      }
      // Most events need no turn of their own.
      const sent = speech.say(text, answer.hasMore())
      if (sent !== null) {
        try {
          await sent
        } catch (cause) {
          if (tookNothing(delivery)) break
          throw cause
        }
      }
      if (lastWords === null && encoder.isComplete()) {
        lastWords = clock.after(lastWordsMs, () => answer[Symbol.dispose]())
      }
    }
  } catch (cause) {
    return failed(cause, client.signal)
  } finally {
    lastWords?.cancel()
    // What was good reaches the client, whatever came behind it.
    speech.end()
    story.answered()
  }
  return encoder.isComplete() ? { kind: 'complete', whole } : failed(cutShort(), client.signal)
}

/**
 * Whatever broke once every choice of a stream had finished took nothing from the client, be it the
 * connection or our own time.
 */
function tookNothing({ encoder, client, story }: Delivery): boolean {
  if (!story.call.stream || !encoder.isComplete()) return false
  const { aborted, reason } = client.signal
  return !aborted || (reason instanceof Fault && ofOurTime.has(reason.kind))
}

const ofOurTime: ReadonlySet<FaultName> = new Set(['deadline', 'draining'])

function cutShort(): Fault {
  return new Fault('upstream_cut', {
    message: 'The model’s server ended its answer before it was complete.',
    started: 'yes',
  })
}
