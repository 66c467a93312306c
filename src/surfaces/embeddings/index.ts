// OpenAI's embeddings, the dialect of `POST /v1/embeddings`.
import {
  type Call,
  type CallFacts,
  type Demand,
  type JsonObject,
  noUsage,
  type UpstreamEvent,
  type Usage,
} from '#domain'
import { isJsonObject, type Pieces, readUsage } from '#wire'
import { rewrite } from '../answer-rules.ts'
import { modelName } from '../model-name.ts'
import { addContextDemand, countPrompts, countPromptTokens, measurePrompts } from '../prompts.ts'
import { readBody } from '../read-body.ts'
import { endUserHash, readModel } from '../read-fields.ts'
import { checkOf } from '../rules.ts'
import { badAnswer, failedEvent, faultBody, heartbeat } from '../said-by-us.ts'
import type { Encoder, Surface } from '../surface.ts'
import { askedBy } from '../to-upstream.ts'
import { embeddingsAnswer, embeddingsFields, inputsMax, promptField } from './rules.ts'

export const embeddings: Surface = {
  name: 'embeddings',
  ...askedBy('/v1/embeddings', embeddingsFields),
  read: readEmbeddings,
  encoder: embeddingsEncoder,
  fault: (fault) => faultBody(fault, promptField),
}

const checkRules = checkOf(embeddingsFields.checked)

function* readEmbeddings(bytes: Buffer): Pieces<CallFacts> {
  const read = yield* readBody(bytes)
  const { value, body } = read
  const modelId = readModel(value.model)
  const inputs = countPrompts(promptField, value[promptField], inputsMax)
  checkRules(read)
  const demands: Demand[] = []
  addContextDemand(promptField, value, demands)
  return {
    modelId,
    // Embeddings never stream, even where the body asks for it.
    stream: false,
    wantsUsage: false,
    choices: inputs,
    sequences: 1,
    prompts: inputs,
    maxTokens: 0,
    unnamedTokens: 'policy',
    promptTokens: countPromptTokens(value[promptField]),
    promptSize: measurePrompts(promptField, value),
    endUserHash: endUserHash(value),
    demands,
    body,
  }
}

const what = 'a list of embeddings'

/** Writes one answer for its client. The vectors pass as they came, floats or base64. */
function embeddingsEncoder(call: Call): Encoder {
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
