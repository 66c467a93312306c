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
      return coercedBoolean(trimmed) ?? text
    case 'array':
      return coercedList(text, node.items)
    default:
      return text
  }
}

function coercedBoolean(text: string): boolean | null {
  if (text === 'true' || text === '1') return true
  return text === 'false' || text === '0' ? false : null
}

function coercedList(text: string, items: OptionNode | undefined): unknown[] {
  const entries = text.split(',').map((entry) => entry.trim())
  const given = entries.filter((entry) => entry !== '')
  return items === undefined ? given : given.map((entry) => coerced(entry, items))
}
