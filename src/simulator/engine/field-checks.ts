// The types of the fields that chat and completions share, as vLLM's validation layer checks them,
// and then their bounds, as its sampling code does. Fields that are null count as absent.
import type { JsonObject } from '#domain'
import { PythonFloat, pythonRepr } from '#wire'
import { badRequest, badValue, invalid, type Mistake, quoted } from './refusal.ts'

const floats = ['temperature', 'top_p', 'min_p', 'presence_penalty', 'frequency_penalty']
const integers = ['max_tokens', 'max_completion_tokens', 'n', 'top_k', 'top_logprobs', 'min_tokens']
const stopsMax = 4
/** vLLM allows 16,384; a simulator on a laptop need not. */
const choicesMax = 128
const seedMax = 2n ** 63n - 1n

/** Whether each field is of its type; `text` is the body's, for integers beyond JavaScript's. */
export function typeMistakes(body: JsonObject, text: () => string): Mistake[] {
  const mistakes: Mistake[] = []
  for (const name of floats) mistakes.push(...numberMistakes(body, name, 'float'))
  for (const name of integers) mistakes.push(...numberMistakes(body, name, 'int'))
  mistakes.push(...seedMistakes(body, text), ...stopMistakes(body.stop))
  return mistakes
}

/** Values that vLLM refuses after the types were right, in the order in which it looks. */
export function checkBounds(body: JsonObject): void {
  const n = numberOr(body.n, 1)
  if (n < 1) throw badRequest(`n must be at least 1, got ${n}.`)
  if (n > choicesMax) throw badRequest(`n must be at most ${choicesMax}, got ${n}.`)
  const stops = Array.isArray(body.stop) ? body.stop : [body.stop]
  if (stops.includes('')) throw badRequest('stop cannot contain an empty string.')
  inRange(body, 'presence_penalty', -2, 2)
  inRange(body, 'frequency_penalty', -2, 2)
  checkTemperature(body)
  if (n > 1 && body.temperature === 0) {
    throw badRequest(`n must be 1 when using greedy sampling, got ${n}.`)
  }
  const topP = numberOr(body.top_p, 1)
  if (!(topP > 0 && topP <= 1)) throw outOfBounds('top_p', 'must be in (0, 1]', topP)
  inRange(body, 'min_p', 0, 1)
  for (const name of ['max_tokens', 'max_completion_tokens']) {
    const value = numberOr(body[name], 1)
    if (value < 1) {
      throw badValue(`max_tokens must be at least 1, got ${value}.`, 'max_tokens', String(value))
    }
  }
}

function checkTemperature(body: JsonObject): void {
  const value = numberOr(body.temperature, 1)
  if (!Number.isFinite(value)) {
    throw outOfBounds('temperature', 'must be a finite number', value)
  }
  if (value < 0) throw outOfBounds('temperature', 'must be non-negative', value)
  if (value > 2) throw outOfBounds('temperature', 'must be in [0, 2]', value)
}

function inRange(body: JsonObject, name: string, least: number, most: number): void {
  const value = numberOr(body[name], 0)
  if (value >= least && value <= most) return
  throw outOfBounds(name, `must be in [${least}, ${most}]`, value)
}

function outOfBounds(name: string, rule: string, value: number) {
  const given = pythonRepr(new PythonFloat(value))
  return badValue(`${name} ${rule}, got ${given}.`, name, given)
}

export function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise
}

function numberMistakes(body: JsonObject, name: string, type: 'float' | 'int'): Mistake[] {
  const value = body[name]
  if (value === undefined || value === null || typeof value === 'boolean') return []
  const loc = `body.${name}`
  const valid = `Input should be a valid ${type === 'float' ? 'number' : 'integer'}`
  if (typeof value === 'number') {
    if (type === 'float' || Number.isInteger(value)) return []
    const msg = `${valid}, got a number with a fractional part`
    return [{ type: 'int_from_float', loc, msg, input: quoted(value) }]
  }
  if (typeof value !== 'string')
    return [{ type: `${type}_type`, loc, msg: valid, input: quoted(value) }]
  if (value.trim() !== '' && Number.isFinite(Number(value))) return []
  const msg = `${valid}, unable to parse string as ${type === 'float' ? 'a number' : 'an integer'}`
  return [{ type: `${type}_parsing`, loc, msg, input: value }]
}

function seedMistakes(body: JsonObject, text: () => string): Mistake[] {
  const wrong = numberMistakes(body, 'seed', 'int')
  if (wrong.length > 0 || typeof body.seed !== 'number' || Number.isSafeInteger(body.seed)) {
    return wrong
  }
  const written = /"seed"\s*:\s*(-?\d+)/.exec(text())?.[1] ?? String(BigInt(body.seed))
  if (BigInt(written) <= seedMax) return []
  const msg = `Input should be less than or equal to ${seedMax}`
  return [{ type: 'less_than_equal', loc: 'body.seed', msg, input: written, ctx: { le: seedMax } }]
}

function stopMistakes(stop: unknown): Mistake[] {
  if (!Array.isArray(stop) || stop.length <= stopsMax) return []
  const loc = 'body.stop'
  const input = quoted(stop)
  const msg = `List should have at most ${stopsMax} items after validation, not ${stop.length}`
  const ctx = { field_type: 'List', max_length: stopsMax, actual_length: stop.length }
  return [
    { type: 'string_type', loc, msg: 'Input should be a valid string', input },
    { type: 'too_long', loc, msg, input, ctx },
  ]
}

export function refuseMistakes(mistakes: readonly Mistake[]): void {
  if (mistakes.length > 0) throw invalid(mistakes)
}
