// The options of a schema as rows of a table, for the generated docs/configuration.md.
import type { z } from 'zod'
import { allowedWords, type OptionNode, optionTree } from './option-tree.ts'

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
