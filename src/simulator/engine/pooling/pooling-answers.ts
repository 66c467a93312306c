// What a pooling model answers: embeddings, pooled vectors, scores of pairs, and documents in the
// order in which they fit a query. Each answer is made at once and sent when the engine's step
// ends.
import type { JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import type { EndpointOptions } from '../../options.ts'
import { checkModel, invalid, missing } from '../refusal.ts'
import { wholeUsage } from '../usage.ts'
import { checkEmbedding } from './embedding-checks.ts'
import {
  checkVectors,
  dimensionsOf,
  type Input,
  inputsOf,
  likeness,
  packed,
  tokensOf,
  vectorFor,
} from './vectors.ts'

interface PooledAnswer {
  text: string
  /** Of all inputs together. */
  tokens: number
}

export interface PoolingKind {
  idPrefix: string
  answer(body: JsonObject, model: EndpointOptions, head: PoolingHead): PooledAnswer
}

interface PoolingHead {
  id: string
  createdSeconds: number
}

export const embedding: PoolingKind = {
  idPrefix: 'embd',
  answer(body, model, head) {
    checkEmbedding(body)
    return vectors('embedding', body, model, head)
  },
}

export const pooling: PoolingKind = {
  idPrefix: 'pooling',
  answer(body, model, head) {
    requireFields(body, ['input'])
    return vectors('pooling', body, model, head)
  },
}

export const score: PoolingKind = {
  idPrefix: 'score',
  answer(body, model, head) {
    const [first, second] = 'queries' in body ? ['queries', 'documents'] : ['text_1', 'text_2']
    requireFields(body, [first, second])
    checkModel(body, model.model, false)
    const queries = inputsOf(body[first])
    const documents = inputsOf(body[second])
    const tokens = sum([...queries, ...documents].map((input) => tokensOf(input, model)))
    const data = documents.map((document, index) => {
      const query = queries[queries.length === 1 ? 0 : index] ?? ''
      return { index, object: 'score', score: likeness(query, document, model.embeddingSize) }
    })
    const { id, createdSeconds } = head
    const usage = wholeUsage(tokens, 0)
    const answer = { id, object: 'list', created: createdSeconds, model: model.model, data, usage }
    return { text: JSON.stringify(answer), tokens }
  },
}

export const rerank: PoolingKind = {
  idPrefix: 'score',
  answer(body, model, head) {
    requireFields(body, ['query', 'documents'])
    checkModel(body, model.model, false)
    const query = textOf(body.query)
    const documents = (Array.isArray(body.documents) ? body.documents : [body.documents]).map(
      textOf,
    )
    const tokens = sum([query, ...documents].map((text) => tokensOf(text, model)))
    const results = documents
      .map((text, index) => ({
        index,
        document: { text, multi_modal: null },
        relevance_score: likeness(query, text, model.embeddingSize),
      }))
      .sort((one, other) => other.relevance_score - one.relevance_score)
    const most = typeof body.top_n === 'number' && body.top_n > 0 ? body.top_n : results.length
    const usage = { prompt_tokens: tokens, total_tokens: tokens }
    const answer = { id: head.id, model: model.model, usage, results: results.slice(0, most) }
    return { text: JSON.stringify(answer), tokens }
  },
}

function vectors(
  object: 'embedding' | 'pooling',
  body: JsonObject,
  model: EndpointOptions,
  { id, createdSeconds }: PoolingHead,
): PooledAnswer {
  checkModel(body, model.model, false)
  const inputs = inputsOf(body.input ?? spokenBy(body.messages))
  const size = dimensionsOf(body.dimensions, model)
  checkVectors(inputs.length, size)
  const tokens = sum(inputs.map((input) => tokensOf(input, model)))
  const isPacked = body.encoding_format === 'base64'
  const data = inputs.map((input: Input, index) => {
    const vector = vectorFor(input, size)
    const shown = isPacked ? packed(vector) : vector
    return { index, object, [object === 'pooling' ? 'data' : 'embedding']: shown }
  })
  const usage = wholeUsage(tokens, 0)
  const answer = { id, object: 'list', created: createdSeconds, model: model.model, data, usage }
  return { text: JSON.stringify(answer), tokens }
}

function requireFields(body: JsonObject, names: readonly string[]): void {
  const absent = names.filter((name) => body[name] === undefined)
  if (absent.length > 0) throw invalid(absent.map((name) => missing(`body.${name}`, body)))
}

function spokenBy(messages: unknown): string {
  const all = Array.isArray(messages) ? messages.filter(isJsonObject) : []
  return all.map(({ content }) => String(content)).join('\n')
}

function textOf(value: unknown): string {
  return isJsonObject(value) ? String(value.text ?? '') : String(value)
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
