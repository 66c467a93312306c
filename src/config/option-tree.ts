// What a zod schema says about its options, as plain data: zod's own JSON Schema of the input.
// Everything that must know types without a value (coercion of environment strings, unknown keys,
// the generated page) reads this, so there is one idea of what an option is.
import { z } from 'zod'

export interface OptionNode {
  type?: string
  isNullable: boolean
  description?: string
  default?: unknown
  enum?: readonly unknown[]
  const?: unknown
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  minLength?: number
  pattern?: string
  format?: string
  required?: readonly string[]
  properties?: Readonly<Record<string, OptionNode>>
  /** What each member of a map is, where its names are free. */
  additionalProperties?: OptionNode
  items?: OptionNode
  anyOf?: readonly OptionNode[]
}

type JsonSchema = Record<string, unknown>

export function optionTree(schema: z.ZodObject): OptionNode {
  const io = 'input'
  return nodeOf(z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' }))
}

/** JSON Schema writes "or null" in two ways; here it is a fact of the node. */
function nodeOf(schema: JsonSchema): OptionNode {
  const { type, anyOf, properties, items, additionalProperties: rest, ...plain } = schema
  const types = [type].flat().filter((name) => typeof name === 'string')
  const choices = Array.isArray(anyOf) ? anyOf.filter(isMap).map(nodeOf) : []
  const others = choices.filter((choice) => choice.type !== 'null')
  const [only] = others
  const node: OptionNode = {
    ...(others.length === 1 ? only : null),
    ...plain,
    isNullable: types.includes('null') || others.length < choices.length,
  }
  const ownType = types.find((name) => name !== 'null' || types.length === 1)
  if (ownType !== undefined) node.type = ownType
  if (others.length > 1) node.anyOf = others
  if (isMap(properties)) {
    node.properties = Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [name, nodeOf(isMap(value) ? value : {})]),
    )
  }
  if (isMap(items)) node.items = nodeOf(items)
  if (isMap(rest)) node.additionalProperties = nodeOf(rest)
  return node
}

export function isMap(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The node at a dotted path, or null where the schema has no such option. */
export function nodeAt(tree: OptionNode, path: readonly string[]): OptionNode | null {
  let node: OptionNode | undefined = tree
  for (const name of path) {
    node = node === undefined ? undefined : member(node, name)
  }
  return node ?? null
}

/** The schema of one member of an object: a named one, or any one of a map. */
export function member(node: OptionNode, name: string): OptionNode | undefined {
  if (node.properties !== undefined && Object.hasOwn(node.properties, name)) {
    return node.properties[name]
  }
  return node.additionalProperties
}

/** What an option takes, in words: `an integer from 1 to 65535`. */
export function allowedWords(node: OptionNode): string {
  const words = choiceWords(node)
  return node.isNullable ? `${words}, or null` : words
}

function choiceWords(node: OptionNode): string {
  if (node.enum !== undefined) return `one of ${node.enum.join(', ')}`
  if (node.const !== undefined) return JSON.stringify(node.const)
  if (node.anyOf !== undefined) return node.anyOf.map(choiceWords).join(', or ')
  switch (node.type) {
    case 'integer':
      return `an integer${rangeWords(node)}`
    case 'number':
      return `a number${rangeWords(node)}`
    case 'boolean':
      return 'true or false'
    case 'array':
      return `a list, each ${node.items === undefined ? 'anything' : choiceWords(node.items)}`
    case 'object':
      return 'a map of names to values'
    case 'string':
      return textWords(node)
    default:
      return 'anything'
  }
}

function rangeWords(node: OptionNode): string {
  const { exclusiveMinimum } = node
  const low = bounded(node.minimum)
  const high = bounded(node.maximum)
  const from = low === null && exclusiveMinimum !== undefined ? ` above ${exclusiveMinimum}` : ''
  if (low !== null && high !== null) return ` from ${low} to ${high}`
  if (low !== null) return ` of at least ${low}`
  return high === null ? from : `${from} of at most ${high}`
}

/** zod gives every integer the bounds of exactness; they are not worth a word. */
function bounded(limit: number | undefined): number | null {
  return limit === undefined || Math.abs(limit) === Number.MAX_SAFE_INTEGER ? null : limit
}

function textWords(node: OptionNode): string {
  if (node.format !== undefined) return `a text that is a valid ${node.format}`
  if (node.pattern !== undefined) return `a text that matches ${node.pattern}`
  if (node.minLength === undefined || node.minLength === 0) return 'a text'
  return node.minLength === 1 ? 'a text that is not empty' : `a text of ${node.minLength} or more`
}

/** An option as a row of the table in docs/configuration.md. */
export interface OptionRow {
  /** Dotted, as in flags: `http.port`. */
  path: string
  type: string
  /** undefined where a value must be given. */
  default: unknown
  description: string
}

export function describeOptions(schema: z.ZodObject): OptionRow[] {
  return rowsBelow(optionTree(schema), [])
}

function rowsBelow(node: OptionNode, path: readonly string[]): OptionRow[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, child]) => {
    const childPath = [...path, name]
    if (child.properties !== undefined) return rowsBelow(child, childPath)
    const { default: fallback, description } = child
    const type = allowedWords(child)
    return [{ path: childPath.join('.'), type, default: fallback, description: description ?? '' }]
  })
}
