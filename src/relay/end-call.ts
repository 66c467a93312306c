// Sends the client the end of its answer: the terminal frame, the whole body, or the fault in its
// own dialect.
import type { CallRecord, Fault } from '#domain'
import type { Encoder, Surface } from '#surfaces'
import { answerHeaders, faultHeaders } from './answer-headers.ts'
import type { ClientEnd } from './client-end.ts'
import { type Ending, isClientGone } from './ending.ts'
import type { Story } from './story.ts'

/** What the last word to a client is made from. */
export interface LastWord {
  ending: Ending
  record: CallRecord
  story: Story
  encoder: Encoder
  surface: Surface
}

export function endCall(client: ClientEnd, word: LastWord): void {
  const { ending, record, story, encoder } = word
  if (ending.kind === 'failed') return failCall(client, ending.fault, word)
  if (ending.whole === null) {
    if (!client.hasBegun) client.begin(answerHeaders(story))
    return client.end(encoder.end(noteOf(record)))
  }
  const headers = answerHeaders(story)
  headers['x-podgate-overhead-ms'] = String(record.overheadMs)
  client.answer(200, headers, ending.whole)
}

function failCall(client: ClientEnd, fault: Fault, { story, encoder, surface }: LastWord): void {
  if (isClientGone(fault.kind)) return client.cut()
  if (client.hasBegun) return client.end(encoder.failed(fault))
  const headers = { ...answerHeaders(story), ...faultHeaders(fault, null) }
  client.answer(fault.rule.status, headers, surface.fault(fault))
}

/** For a stream: what was not known yet when its headers left. */
function noteOf(record: CallRecord): string {
  return `podgate ${JSON.stringify({
    model: record.model,
    deployment: record.deployment,
    transport: record.transport,
    queue_ms: record.queueMs,
    ttft_ms: record.ttftMs,
    cold_start: record.coldStart,
    overhead_ms: record.overheadMs,
  })}`
}
