// Keeps a waiting client company: when a stream has been silent for a while, a comment says what is
// being waited for. The first one commits the 200, which is why it waits as long as it may.
// Comments are not an answer: a call may still go elsewhere after them.
import type { Clock, Timer } from '#domain'
import type { Encoder } from '#surfaces'
import { answerHeaders } from './answer-headers.ts'
import type { ClientEnd } from './client-end.ts'
import type { Story } from './story.ts'

export interface Company {
  start(): void
  stop(): void
}

export function keepCompany(
  client: ClientEnd,
  story: Story,
  encoder: Encoder,
  clock: Clock,
): Company {
  let timer: Timer | null = null
  const { call } = story

  function speak(): void {
    if (client.signal.aborted) return
    if (!client.hasBegun) client.begin(answerHeaders(story))
    client.write(encoder.heartbeat(story.latest))
    start()
  }

  function start(): void {
    if (call.stream) timer = clock.after(call.keepAliveMs, speak)
  }

  return { start, stop: () => timer?.cancel() }
}
