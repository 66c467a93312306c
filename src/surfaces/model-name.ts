// How an answer names its model: by the name that was asked for, whatever its server calls it. What
// follows from a name is the same for all calls, and is worked out once: made for each, it was a
// quarter of what an encoder took.
import type { JsonChanges } from '#wire'

export interface ModelName {
  name: string
  json: string
  /** What every whole answer gets. */
  whole: JsonChanges
  /** What every chunk gets, whose usage is left out, or null for those who asked for it. */
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
  // More models than anybody has: beginning anew is good enough.
  if (names.size >= namesMax) names.clear()
  names.set(name, made)
  return made
}

const member = '"model"'

/**
 * The text of an answer with nothing changed but its model, `given` as it was read; null where it
 * takes a look at each member. To look for the word costs a third of that.
 */
export function renamed(text: string, given: unknown, { name, json }: ModelName): string | null {
  if (typeof given !== 'string') return null
  const at = text.indexOf(member)
  // The word stands there once and no letter is written as a number: then it is that very member.
  if (at === -1 || text.includes(member, at + 1) || text.includes('\\u')) return null
  if (given === name) return text
  const start = text.indexOf('"', at + member.length)
  const quoted = `"${given}"`
  if (!text.startsWith(quoted, start)) return null
  return text.slice(0, start) + json + text.slice(start + quoted.length)
}
