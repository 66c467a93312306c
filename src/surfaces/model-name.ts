// An answer names its model as the client did, whatever its server calls it. What is made from a
// name is the same for all calls, so it is made once: making it for each call took a quarter of an
// encoder's time.
import type { JsonChanges } from '#wire'

export interface ModelName {
  name: string
  json: string
  /** The changes to every whole answer. */
  whole: JsonChanges
  /** The changes to every chunk: usage is left out, or null for clients that asked for it. */
  chunk: JsonChanges
  chunkWithNull: JsonChanges
}

const namesMax = 256
const names = new Map<string, ModelName>()

export function modelName(name: string): ModelName {
  const known = names.get(name)
  if (known !== undefined) return known
  const json = JSON.stringify(name)
  const model: [string, string] = ['model', json]
  const made = {
    name,
    json,
    whole: new Map([model]),
    chunk: new Map([model, ['usage', null]]),
    chunkWithNull: new Map([model, ['usage', 'null']]),
  }
  // Nobody has so many models, so dropping them all is good enough.
  if (names.size >= namesMax) names.clear()
  names.set(name, made)
  return made
}

const member = '"model"'

/**
 * The text of an answer with only its model changed; `given` is the model that was parsed from it.
 * null: the caller must go through the members, which costs three times as much as this search.
 */
export function renamed(text: string, given: unknown, { name, json }: ModelName): string | null {
  if (typeof given !== 'string') return null
  const at = text.indexOf(member)
  // If "model" is there once and the text has no `\u` escape, it is the member that was parsed.
  if (at === -1 || text.includes(member, at + 1) || text.includes('\\u')) return null
  if (given === name) return text
  const start = text.indexOf('"', at + member.length)
  const quoted = `"${given}"`
  if (!text.startsWith(quoted, start)) return null
  return text.slice(0, start) + json + text.slice(start + quoted.length)
}
