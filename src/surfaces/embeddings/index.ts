// OpenAI's embeddings, the dialect of `POST /v1/embeddings`.

import type { CallFacts, Demand } from '#domain'
import type { Pieces } from '#wire'
import { addContextDemand, countPrompts, countPromptTokens, measurePrompts } from '../prompts.ts'
import { readBody } from '../read-body.ts'
import { endUserHash, readModel } from '../read-fields.ts'
import { checkOf } from '../rules.ts'
import { faultBody } from '../said-by-us.ts'
import type { Surface } from '../surface.ts'
import { bodyFor, refusalFor } from '../to-upstream.ts'
import { embeddingsEncoder } from './encoder.ts'
import { embeddingsFields, inputsMax, promptField } from './rules.ts'

const path = '/v1/embeddings'

export const embeddings: Surface = {
  name: 'embeddings',
  path,
  fields: embeddingsFields,
  read: readEmbeddings,
  toUpstream: (call, target) => ({ path, body: bodyFor(call, target, embeddingsFields) }),
  refusal: (call, target) => refusalFor(call, target, embeddingsFields),
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
