// Writes one embeddings answer for its client. The vectors pass as they came, floats or base64.
import { type Call, noUsage, type UpstreamEvent, type Usage } from '#domain'
import { readUsage } from '#wire'
import { rewrite } from '../answer-rules.ts'
import { badAnswer, failedEvent, heartbeat } from '../said-by-us.ts'
import type { Encoder } from '../surface.ts'
import { embeddingsAnswer, promptField } from './rules.ts'

const what = 'a list of embeddings'

export function embeddingsEncoder(call: Call): Encoder {
  const named = new Map([['model', JSON.stringify(call.modelId)]])
  let usage: Usage = noUsage
  let vectors = 0

  function take(event: UpstreamEvent): string | null {
    if (event.kind === 'chunk') throw badAnswer(what, 'It streams.')
    if (event.kind !== 'whole') return null
    const { text, value: object } = event
    if (!Array.isArray(object.data)) throw badAnswer(what, 'It has no data.')
    vectors = object.data.length
    usage = { ...(readUsage(object.usage, 'reported') ?? noUsage), completionTokens: 0 }
    return rewrite(text, object, embeddingsAnswer, named)
  }

  return {
    take,
    heartbeat,
    usage: () => usage,
    isComplete: () => vectors >= call.choices,
    end: () => '',
    failed: (fault) => failedEvent(fault, promptField),
  }
}
