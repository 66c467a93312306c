// What an environment's text means for an option's type. A text that does not fit stays a text, so
// that the schema can refuse it and the mistake shows what was really given.
import type { OptionNode } from './option-tree.ts'

export function coerced(text: string, node: OptionNode): unknown {
  const trimmed = text.trim()
  switch (node.type) {
    case 'integer':
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : text
    case 'boolean':
      if (trimmed === 'true' || trimmed === '1') return true
      return trimmed === 'false' || trimmed === '0' ? false : text
    case 'array':
      return coercedList(text, node.items)
    default:
      return text
  }
}

function coercedList(text: string, items: OptionNode | undefined): unknown[] {
  const given = splitList(text)
  return items === undefined ? given : given.map((entry) => coerced(entry, items))
}

/** What stands between commas, without what is empty. */
export function splitList(text: string): string[] {
  const entries = text.split(',').map((entry) => entry.trim())
  return entries.filter((entry) => entry !== '')
}
