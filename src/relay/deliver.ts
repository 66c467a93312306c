// Moves an answer to its client, event by event, at the client's pace: everything but the terminal
// frame, which waits for the ledger. Nothing is read from the upstream while the client does not
// read, so what is held for a slow client is bounded.
import { type Answer, Fault } from '#domain'
import type { Encoder } from '#surfaces'
import { answerHeaders } from './answer-headers.ts'
import type { ClientEnd } from './client-end.ts'
import { type Ending, failed } from './ending.ts'
import type { Story } from './story.ts'

export async function deliver(
  answer: Answer,
  encoder: Encoder,
  client: ClientEnd,
  story: Story,
): Promise<Ending> {
  let whole: string | null = null
  story.answering(answer.timings)
  try {
    for (;;) {
      const event = await answer.next()
      client.signal.throwIfAborted()
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
      if (text !== null) {
        // Most events need no turn of their own.
        const sent = send(text, client, story)
        if (sent !== null) await sent
      }
    }
  } catch (cause) {
    // A connection that breaks after every choice has finished took nothing from the client.
    const tookNothing = encoder.isComplete() && (story.call.stream || whole !== null)
    if (client.signal.aborted || !tookNothing) return failed(cause, client.signal)
  }
  return encoder.isComplete() ? { kind: 'complete', whole } : failed(cutShort(), client.signal)
}

/** A promise only when the client must be waited for. */
function send(text: string, client: ClientEnd, story: Story): Promise<void> | null {
  if (!client.hasBegun) client.begin(answerHeaders(story))
  if (client.write(text)) return null
  const sinceTicksMs = story.nowTicksMs
  return client.drained().finally(() => story.waitedForClient(sinceTicksMs))
}

function cutShort(): Fault {
  return new Fault('upstream_cut', {
    message: 'The model’s server ended its answer before it was complete.',
    started: 'yes',
  })
}
