// JSON that satisfies a schema plausibly: enums, constants, bounds, required members, arrays with
// their least length. Written as Python's `json.dumps` writes it, because that is what vLLM sends.
// A schema can ask for more than any context holds: from some size on the value is cut short.

import type { JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import { textMatching } from './pattern-text.ts'
import { phrase } from './prose.ts'
import type { Chance } from './random.ts'

const depthMax = 12
const valuesMax = 10_000
/** Beyond the least that an array must have. */
const moreItemsMax = 64
/** Of one value, names and constants included; what begins within it may go beyond it. */
const textMax = 100_000
const types = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']

/** The first unknown `type` in a schema, which vLLM's grammar compiler refuses; null: fine. */
export function unknownType(schema: unknown, depth = 0): string | null {
  if (!isJsonObject(schema) || depth > depthMax) return null
  const given = typeof schema.type === 'string' ? schema.type : null
  if (given !== null && !types.includes(given)) return given
  const below = isJsonObject(schema.properties) ? Object.values(schema.properties) : []
  for (const inner of [...below, schema.items]) {
    const found = unknownType(inner, depth + 1)
    if (found !== null) return found
  }
  return null
}

/** What the parts of one value have in common. */
interface Making {
  readonly chance: Chance
  readonly root: unknown
  valuesLeft: number
  charsLeft: number
}

export function jsonFor(schema: unknown, chance: Chance): string {
  const making = { chance, root: schema, valuesLeft: valuesMax, charsLeft: textMax }
  return dump(valueFor(schema, making, 0))
}

/** `json.dumps(value, ensure_ascii=False)`: a space after each colon and comma. */
export function dump(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(dump).join(', ')}]`
  if (!isJsonObject(value)) return JSON.stringify(value) ?? 'null'
  const members = Object.entries(value).map(([name, item]) => {
    return `${JSON.stringify(name)}: ${dump(item)}`
  })
  return `{${members.join(', ')}}`
}

function valueFor(schema: unknown, making: Making, depth: number): unknown {
  const { chance, root } = making
  making.valuesLeft -= 1
  if (!isJsonObject(schema) || depth > depthMax || isUsedUp(making)) return {}
  if ('const' in schema) return taken(schema.const, making)
  if (Array.isArray(schema.enum)) return taken(chance.pick<unknown>(schema.enum, null), making)
  if (typeof schema.$ref === 'string') {
    return valueFor(referred(schema.$ref, root), making, depth + 1)
  }
  const options = schema.anyOf ?? schema.oneOf ?? schema.allOf
  if (Array.isArray(options)) return valueFor(options[0], making, depth + 1)
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type === 'string') return taken(textFor(schema, chance), making)
  if (type === 'integer' || type === 'number') return numberFor(schema, chance)
  if (type === 'boolean') return chance.next() < 0.5
  if (type === 'null') return null
  if (type === 'array') return listFor(schema, making, depth)
  return objectFor(schema, making, depth)
}

function isUsedUp({ valuesLeft, charsLeft }: Making): boolean {
  return valuesLeft < 0 || charsLeft <= 0
}

function taken(value: unknown, making: Making): unknown {
  making.charsLeft -= typeof value === 'string' ? value.length : dump(value).length
  return value
}

function objectFor(schema: JsonObject, making: Making, depth: number): unknown {
  const properties = isJsonObject(schema.properties) ? schema.properties : {}
  const required = Array.isArray(schema.required) ? schema.required : []
  const members: [name: string, value: unknown][] = []
  for (const [name, inner] of Object.entries(properties)) {
    if (isUsedUp(making)) break
    making.charsLeft -= name.length
    if (required.includes(name) || (depth < 3 && making.chance.next() < 0.5)) {
      members.push([name, valueFor(inner, making, depth + 1)])
    }
  }
  // Not by assignment: to `__proto__` that gives a member to nobody.
  return Object.fromEntries(members)
}

function listFor(schema: JsonObject, making: Making, depth: number): unknown[] {
  const bound = numberIn(schema, 'maxItems')
  const least = numberIn(schema, 'minItems') ?? Math.min(1, bound ?? 1)
  const more = making.chance.below((bound ?? least + 2) - least + 1)
  const length = least + Math.min(more, moreItemsMax)
  const list: unknown[] = []
  while (list.length < length && !isUsedUp(making)) {
    list.push(valueFor(schema.items, making, depth + 1))
  }
  return list
}

function numberFor(schema: JsonObject, chance: Chance): number {
  const step = schema.type === 'integer' ? 1 : 0.1
  const above = numberIn(schema, 'exclusiveMinimum')
  const below = numberIn(schema, 'exclusiveMaximum')
  const least = numberIn(schema, 'minimum') ?? (above === null ? 0 : above + step)
  const most = numberIn(schema, 'maximum') ?? (below === null ? least + 100 : below - step)
  const multiple = numberIn(schema, 'multipleOf')
  if (multiple !== null) return Math.ceil(least / multiple) * multiple
  if (step === 1) return Math.ceil(least) + chance.below(Math.floor(most) - Math.ceil(least) + 1)
  return Math.min(most, least + Math.round(chance.next() * (most - least) * 100) / 100)
}

const formats = new Map([
  ['date', '2026-03-14'],
  ['date-time', '2026-03-14T09:26:53Z'],
  ['time', '09:26:53Z'],
  ['email', 'river@example.com'],
  ['uri', 'https://example.com/river'],
  ['uuid', '3f2b8c1e-5a4d-4e6f-8a9b-0c1d2e3f4a5b'],
  ['ipv4', '192.0.2.7'],
])

function textFor(schema: JsonObject, chance: Chance): string {
  if (typeof schema.pattern === 'string') return textMatching(schema.pattern, chance)
  if (typeof schema.format === 'string') return formats.get(schema.format) ?? phrase(chance, 1)
  const least = Math.min(numberIn(schema, 'minLength') ?? 0, textMax)
  const most = numberIn(schema, 'maxLength') ?? Math.max(least, 200)
  return phrase(chance, 1 + chance.below(3))
    .padEnd(least, 'a')
    .slice(0, most)
}

function referred(reference: string, root: unknown): unknown {
  let found: unknown = root
  for (const part of reference.replace(/^#\/?/, '').split('/').filter(Boolean)) {
    found = isJsonObject(found) ? found[part] : undefined
  }
  return found
}

function numberIn(schema: JsonObject, name: string): number | null {
  const value = schema[name]
  return typeof value === 'number' ? value : null
}
