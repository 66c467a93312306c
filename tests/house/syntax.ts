// The syntax tree of a file, as the house rules ask for it: what it imports, types included, and how
// long its functions and classes are.
import { posix } from 'node:path'
import { parseSync } from 'oxc-parser'
import type { SourceFile } from './source-files.ts'

export interface CodeBlock {
  /** `src/http/server.ts: buildServer` */
  name: string
  kind: 'function' | 'factory' | 'class'
  lines: number
  /** Without those of the functions and classes that stand in it. */
  ownLines: number
}

interface Node {
  type: string
  start: number
  end: number
}

interface Named {
  node: Node
  name: string
}

const importing = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
])
const classes = new Set(['ClassDeclaration', 'ClassExpression'])
const functions = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'])

/** The files of ours that a file imports, each by its path from the repository's root. */
export function importedFiles({ path, text }: SourceFile): string[] {
  const found: string[] = []
  for (const { node } of nodesOf(text)) {
    if (!importing.has(node.type)) continue
    const target = targetOf(path, sourceOf(node))
    if (target !== null) found.push(target)
  }
  return [...new Set(found)]
}

function sourceOf(node: Node): string {
  const { source } = node as { source?: { value?: unknown } | null }
  return typeof source?.value === 'string' ? source.value : ''
}

function targetOf(path: string, specifier: string): string | null {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(path), specifier)
  return specifier.startsWith('#') ? `src/${specifier.slice(1)}/index.ts` : null
}

/** Every function and class of a file, whatever it stands in. */
export function codeBlocksOf({ path, text }: SourceFile): CodeBlock[] {
  const blocks: (CodeBlock & { end: number })[] = []
  const around: (CodeBlock & { end: number })[] = []
  for (const { node, name } of nodesOf(text)) {
    while ((around.at(-1)?.end ?? node.end) < node.end) around.pop()
    const isClass = classes.has(node.type)
    if (!isClass && !functions.has(node.type)) continue
    const lines = text.slice(node.start, node.end).split('\n').length
    const kind = isClass ? ('class' as const) : ('function' as const)
    const block = { name: `${path}: ${name}`, kind, lines, ownLines: lines, end: node.end }
    const outer = around.at(-1)
    if (outer !== undefined && lines > 1) {
      outer.ownLines -= lines
      if (outer.kind === 'function') Object.assign(outer, { kind: 'factory' })
    }
    blocks.push(block)
    around.push(block)
  }
  return blocks.map(({ end: _end, ...block }) => block)
}

/** All nodes in the order of the text, each before those in it, with the name that it goes by. */
function* nodesOf(text: string): Generator<Named> {
  const { program, errors } = parseSync('file.ts', text)
  if (errors.length > 0) throw new Error(errors[0]?.message)
  yield* below(program, 'it')
}

function* below(value: unknown, name: string): Generator<Named> {
  if (Array.isArray(value)) {
    for (const one of value) yield* below(one, name)
  } else if (isNode(value)) {
    const own = nameOf(value) ?? name
    yield { node: value, name: own }
    for (const [member, inner] of Object.entries(value)) {
      if (member !== 'type' && inner !== null && typeof inner === 'object') yield* below(inner, own)
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value
}

/** A function's own, or that of the variable or member that holds it. */
function nameOf(node: Node): string | null {
  const { id, key } = node as { id?: { name?: unknown } | null; key?: { name?: unknown } | null }
  const name = id?.name ?? key?.name
  return typeof name === 'string' ? name : null
}
