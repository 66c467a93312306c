// The prompts of completions and embeddings: one or many, as texts or as token ids.
import type { Demand, JsonObject, PromptSize } from '#domain'
import { isTruncated } from './read-fields.ts'
import { invalid } from './rules.ts'
import { isTokenIds } from './sampling-rules.ts'

/** How many prompts there are. Throws where `given` has none of the four forms. */
export function countPrompts(field: string, given: unknown, max: number): number {
  if (given === undefined || given === null) {
    throw invalid(field, `Missing required parameter: '${field}'.`)
  }
  if (typeof given === 'string' && given !== '') return 1
  if (!Array.isArray(given) || given.length === 0) throw wrongForm(field)
  if (typeof given[0] === 'number') {
    if (isTokenIds(given)) return 1
    throw wrongForm(field)
  }
  if (given.length > max) throw invalid(field, `'${field}' may hold up to ${max} prompts.`)
  const isForm = typeof given[0] === 'string' ? isText : isSomeTokens
  const wrong = given.findIndex((one) => !isForm(one))
  if (wrong === -1) return given.length
  throw wrongForm(`${field}[${wrong}]`)
}

/** Adds the length of the longest prompt that came as tokens: texts cannot be counted here. */
export function addContextDemand(field: string, value: JsonObject, demands: Demand[]): void {
  const given = value[field]
  if (!Array.isArray(given) || typeof given[0] === 'string' || isTruncated(value)) return
  const lists: unknown[] = typeof given[0] === 'number' ? [given] : given
  let longest = 0
  let longestAt = 0
  for (const [at, list] of lists.entries()) {
    if (!Array.isArray(list) || list.length <= longest) continue
    longest = list.length
    longestAt = at
  }
  const param = lists === given ? `${field}[${longestAt}]` : field
  demands.push({ wants: 'context', param, count: longest })
}

/** The size of the longest prompt. Either all are texts or all are tokens. */
export function measurePrompts(field: string, value: JsonObject): PromptSize | null {
  if (isTruncated(value)) return null
  const given = value[field]
  const isOne = !Array.isArray(given) || typeof given[0] === 'number'
  const size = { param: field, textBytes: 0, toolBytes: 0, tokens: 0 }
  for (const one of isOne ? [given] : given) {
    if (typeof one === 'string') size.textBytes = Math.max(size.textBytes, Buffer.byteLength(one))
    else if (Array.isArray(one)) size.tokens = Math.max(size.tokens, one.length)
  }
  return size
}

/** The tokens of all prompts together; null where they are texts. */
export function countPromptTokens(given: unknown): number | null {
  if (!Array.isArray(given) || typeof given[0] === 'string') return null
  if (typeof given[0] === 'number') return given.length
  return given.reduce(
    (sum: number, list: unknown) => sum + (Array.isArray(list) ? list.length : 0),
    0,
  )
}

function isText(one: unknown): boolean {
  return typeof one === 'string'
}

function isSomeTokens(one: unknown): boolean {
  return isTokenIds(one) && one.length > 0
}

function wrongForm(param: string): Error {
  const forms = 'a non-empty string, an array of strings, token ids or an array of token ids'
  return invalid(param, `Invalid value for '${param}': the input must be ${forms}.`)
}
