// OpenAI's embeddings, the dialect of `POST /v1/embeddings`.
import { faultBody } from '../said-by-us.ts'
import type { Surface } from '../surface.ts'
import { bodyFor, refusalFor } from '../to-upstream.ts'
import { embeddingsEncoder } from './encoder.ts'
import { readEmbeddings } from './read.ts'
import { embeddingsFields, promptField } from './rules.ts'

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
