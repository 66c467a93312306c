// Writes one embeddings answer for its client. The vectors pass as they came, floats or base64.
import { type Call, type JsonObject, noUsage, type UpstreamEvent, type Usage } from '#domain'
import { isJsonObject, readUsage } from '#wire'
import { rewrite } from '../answer-rules.ts'
import { modelName } from '../model-name.ts'
import { badAnswer, failedEvent, heartbeat } from '../said-by-us.ts'
import type { Encoder } from '../surface.ts'
import { embeddingsAnswer, promptField } from './rules.ts'

const what = 'a list of embeddings'

export function embeddingsEncoder(call: Call): Encoder {
  let usage: Usage = noUsage
  const vectors = new Set<number>()

  function take(event: UpstreamEvent): string | null {
    if (event.kind === 'chunk') throw badAnswer(what, 'It streams.')
    if (event.kind !== 'whole') return null
    const { text, value: object } = event
    if (!Array.isArray(object.data)) throw badAnswer(what, 'It has no data.')
    for (const vector of object.data) countVector(vector)
    usage = { ...(readUsage(object.usage, 'reported') ?? noUsage), completionTokens: 0 }
    return rewrite(text, object, embeddingsAnswer, modelName(call.modelId).whole)
  }

  /** Every input has exactly one vector. */
  function countVector(vector: unknown): void {
    if (!isVector(vector)) throw badAnswer(what, 'It has a vector that is none.')
    const index = Number(vector.index)
    const isAskedFor = Number.isInteger(vector.index) && index >= 0 && index < call.choices
    if (!isAskedFor || vectors.has(index)) {
      throw badAnswer(what, 'It has a vector that nobody asked for.')
    }
    vectors.add(index)
  }

  return {
    take,
    heartbeat,
    usage: () => usage,
    isComplete: () => vectors.size >= call.choices,
    end: () => '',
    failed: (fault) => failedEvent(fault, promptField),
  }
}

function isVector(value: unknown): value is JsonObject {
  if (!isJsonObject(value)) return false
  return typeof value.embedding === 'string' || Array.isArray(value.embedding)
}
