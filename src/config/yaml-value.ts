// The value of a YAML document that was parsed without errors. Some mistakes show only now: an
// alias without its anchor (an unquoted `*` makes one), or aliases that multiply without end. The
// library throws them without a place; here they have one.
import { type Document, visit } from 'yaml'

export type YamlValue = { value: unknown } | { mistake: string; offset: number }

export function yamlValue(document: Document): YamlValue {
  const lost = lostAlias(document)
  if (lost !== null) return lost
  try {
    return { value: document.toJS() }
  } catch {
    return { mistake: 'its aliases (*name) stand for more than can be read', offset: 0 }
  }
}

function lostAlias(document: Document): { mistake: string; offset: number } | null {
  let lost: { mistake: string; offset: number } | null = null
  visit(document, {
    Alias(_key, node) {
      if (node.resolve(document) !== undefined) return undefined
      const mistake = `*${node.source} is an alias of nothing; a text with * is written in quotes`
      lost = { mistake, offset: node.range?.[0] ?? 0 }
      return visit.BREAK
    },
  })
  return lost
}
