// What every surface reads in the same way: the model, the end user, and how a stream is asked for.
import { createHash } from 'node:crypto'
import type { Demand, JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import { invalid } from './rules.ts'

/** No model has a longer name, and it would be copied into logs and headers. */
const modelCharsMax = 256

export function readModel(model: unknown): string {
  if (typeof model === 'string' && model !== '' && model.length <= modelCharsMax) return model
  throw invalid('model', 'You must provide a model: a string of 1 to 256 characters.')
}

export function wantsUsage(value: JsonObject): boolean {
  if (!isJsonObject(value.stream_options)) return false
  if (value.stream !== true) {
    throw invalid('stream_options', "'stream_options' is only allowed when 'stream' is true.")
  }
  const { include_usage: isWanted } = value.stream_options
  if ((isWanted ?? null) !== null && typeof isWanted !== 'boolean') {
    const param = 'stream_options.include_usage'
    throw invalid(param, `Invalid value for '${param}': expected true or false.`)
  }
  return isWanted === true
}

/** Tells one end user from another. The name can only be found by guessing it. */
export function endUserHash(value: JsonObject): string | null {
  return hashed(value.safety_identifier) ?? hashed(value.user)
}

/** The server cuts such a prompt until it fits: its length shows nothing. */
export function isTruncated(value: JsonObject): boolean {
  return (value.truncate_prompt_tokens ?? null) !== null
}

/** Adds the client's own bounds on its answer, for the model to compare with its limits. */
export function addTokenDemands(
  value: JsonObject,
  fields: readonly string[],
  demands: Demand[],
): void {
  for (const param of fields) {
    const count = value[param]
    if (typeof count === 'number') demands.push({ wants: 'tokens', param, count })
  }
}

/** Each choice of each prompt is a sequence of its own on the GPU. Every model allows one. */
export function addSequenceDemands(prompts: number, choices: number, demands: Demand[]): void {
  if (prompts > 1) demands.push({ wants: 'sequences', param: 'prompt', count: prompts })
  if (choices > prompts) demands.push({ wants: 'sequences', param: 'n', count: choices })
}

function hashed(name: unknown): string | null {
  if (typeof name !== 'string' || name === '') return null
  return createHash('sha256').update(name).digest('hex').slice(0, 16)
}
