// Unit vectors that are the same for the same text, and how alike two of them are: what a pooling
// model makes of its inputs, without the meaning.
import type { EndpointOptions } from '../../options.ts'
import { chanceFrom, hashOf } from '../random.ts'
import { badRequest, badValue } from '../refusal.ts'
import { fitContext } from '../text-request.ts'
import { countTokens } from '../tokens.ts'

/** A text, or the ids of its tokens. */
export type Input = string | readonly number[]

/** The inputs of a request that has passed validation. */
export function inputsOf(input: unknown): Input[] {
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

/** How many tokens an input has; refuses one that is too long. */
export function tokensOf(input: Input, model: EndpointOptions): number {
  const max = model.contextTokens
  const tokens = typeof input === 'string' ? countTokens(input, max) : input.length
  fitContext(max, tokens, null, 'max_tokens')
  return tokens
}

export function dimensionsOf(asked: unknown, model: EndpointOptions): number {
  if (typeof asked !== 'number') return model.embeddingSize
  const known = model.engine.dimensions
  if (known.length > 0 && !known.includes(asked)) {
    const only = `only supports Matryoshka dimensions [${known.join(', ')}]`
    throw badRequest(`Model '${model.model}' ${only}, got ${asked}.`)
  }
  if (asked < 1) throw badValue('`dimensions` must be greater than 0', 'dimensions', String(asked))
  return asked
}

/** Numbers of one answer: 2,048 inputs of 2,048 dimensions. */
const numbersMax = 4_194_304

/** An answer is made in memory at once: what one request may ask for is bounded. */
export function checkVectors(inputs: number, size: number): void {
  if (inputs * size <= numbersMax) return
  const most = `This simulator makes at most ${numbersMax} numbers for one request`
  throw badRequest(`${most}, got ${inputs} inputs of ${size}.`, 'input')
}

export function vectorFor(input: Input, size: number): number[] {
  const chance = chanceFrom(hashOf(JSON.stringify(input)))
  const raw = Array.from({ length: size }, () => chance.next() * 2 - 1)
  const length = Math.sqrt(raw.reduce((sum, value) => sum + value * value, 0)) || 1
  return raw.map((value) => Math.fround(value / length))
}

/** From 0 to 1; the same text is as like itself as can be. */
export function likeness(one: Input, other: Input, size: number): number {
  const first = vectorFor(one, size)
  const second = vectorFor(other, size)
  const cosine = first.reduce((sum, value, at) => sum + value * (second[at] ?? 0), 0)
  return (1 + cosine) / 2
}

/** Little-endian 32-bit floats, as the SDKs unpack them. */
export function packed(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4)
  for (const [at, value] of vector.entries()) bytes.writeFloatLE(value, at * 4)
  return bytes.toString('base64')
}
