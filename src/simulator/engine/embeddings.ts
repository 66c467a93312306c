// `POST /v1/embeddings` on a pooling model: unit vectors that are the same for the same text.
import type { JsonObject } from '#domain'
import type { EndpointOptions } from '../options.ts'
import { chanceFrom, hashOf } from './random.ts'
import { badRequest, invalid, quoted, unknownModel } from './refusal.ts'
import { fitContext } from './text-request.ts'
import { countTokens } from './tokens.ts'
import { wholeUsage } from './usage.ts'

export function embed(
  body: JsonObject,
  model: EndpointOptions,
  id: string,
  createdSeconds: number,
): { text: string; tokens: number } {
  if (body.input === undefined) {
    const loc = 'body.input'
    throw invalid([{ type: 'missing', loc, msg: 'Field required', input: quoted(body) }])
  }
  if (typeof body.model === 'string' && body.model !== model.model) {
    throw unknownModel(body.model, null)
  }
  const inputs = inputsOf(body.input)
  const counts = inputs.map((input) => tokensOf(input, model))
  const size = typeof body.dimensions === 'number' ? body.dimensions : model.embeddingSize
  const base64 = body.encoding_format === 'base64'
  const data = inputs.map((input, index) => {
    const vector = vectorFor(JSON.stringify(input), size)
    return { index, object: 'embedding', embedding: base64 ? packed(vector) : vector }
  })
  const tokens = counts.reduce((sum, count) => sum + count, 0)
  const usage = wholeUsage(tokens, 0)
  const answer = { id, object: 'list', created: createdSeconds, model: model.model, data, usage }
  return { text: JSON.stringify(answer), tokens }
}

type Input = string | readonly number[]

function inputsOf(input: unknown): Input[] {
  if (typeof input === 'string') {
    if (input === '') throw badRequest('The decoder prompt cannot be empty')
    return [input]
  }
  if (!Array.isArray(input) || input.length === 0) {
    throw badRequest('You must pass at least one prompt')
  }
  if (input.every((one) => typeof one === 'number')) return [input]
  return input.map((one) => (Array.isArray(one) ? one.map(Number) : String(one)))
}

function tokensOf(input: Input, model: EndpointOptions): number {
  const profile = { name: model.model, contextTokens: model.contextTokens }
  const max = model.contextTokens
  const tokens = typeof input === 'string' ? countTokens(input, max) : input.length
  fitContext(profile, tokens, null, 'max_tokens')
  return tokens
}

function vectorFor(text: string, size: number): number[] {
  const chance = chanceFrom(hashOf(text))
  const raw = Array.from({ length: size }, () => chance.next() * 2 - 1)
  const length = Math.sqrt(raw.reduce((sum, value) => sum + value * value, 0)) || 1
  return raw.map((value) => Math.fround(value / length))
}

/** Little-endian 32-bit floats, as the SDKs unpack them. */
function packed(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4)
  for (const [at, value] of vector.entries()) bytes.writeFloatLE(value, at * 4)
  return bytes.toString('base64')
}
