// Calls that are begun and never finished, beside good ones: the prompt says which.

import { answerGood } from '../support/openai-surfaces.ts'
import { beginStream, chunk, type UpstreamCall } from '../support/scripted-upstream.ts'
import { chat } from '../support/test-gateway.ts'
import { chatRoute, spell } from './post-routes.ts'

const mark = 'endless'

export function spellEndless(stream: boolean, padding = ''): Buffer {
  const messages = [{ role: 'user', content: `${mark}${padding}` }]
  return spell(chatRoute, { body: JSON.stringify(chat({ messages, stream })) })
}

export function answerSome(call: UpstreamCall): void {
  if (!call.body.includes(mark)) return answerGood(call)
  if (!call.body.includes('"stream":true')) return
  beginStream(call)
  call.response.write(chunk('Hello'))
}
