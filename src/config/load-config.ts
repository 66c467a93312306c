// Puts the layers (files, environment, flags; the schema has the defaults) over each other, checks
// the whole with the schema and names for each mistake the layer it came from. Files and flags are
// strict: an unknown key is a mistake. The environment is shared with the rest of the machine, so
// there only near misses are worth a word, and only a warning.
import { readFileSync } from 'node:fs'
import { LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { coerced } from './coerced.ts'
import { ConfigMistakes, shown } from './mistakes.ts'
import { nearest } from './nearest.ts'
import { allowedWords, isMap, member, nodeAt, type OptionNode, optionTree } from './option-tree.ts'
import { yamlValue } from './yaml-value.ts'

interface ConfigSources {
  env: Readonly<Record<string, string | undefined>>
  /** Environment name → dotted path of the option it sets. */
  envNames: Readonly<Record<string, string>>
  /** Names that are known and no options: secrets, and what others read. */
  otherEnvNames: readonly string[]
  /** Later files win. */
  files: readonly string[]
  /** Dotted path → value. */
  flags: Readonly<Record<string, unknown>>
}

interface Loading {
  readonly tree: OptionNode
  readonly value: Record<string, unknown>
  /** Dotted path of each given value → where it was given. */
  readonly origins: Map<string, string>
  readonly mistakes: string[]
}

export function loadConfig<S extends z.ZodObject>(
  schema: S,
  sources: ConfigSources,
): { config: z.output<S>; warnings: string[] } {
  const tree = optionTree(schema)
  const loading: Loading = { tree, value: {}, origins: new Map(), mistakes: [] }
  for (const file of sources.files) readFile(loading, file)
  readEnvironment(loading, sources)
  readFlags(loading, sources.flags)
  fillSections(tree, loading.value)

  const parsed = schema.safeParse(loading.value)
  if (!parsed.success) {
    for (const issue of parsed.error.issues) loading.mistakes.push(...issueLines(loading, issue))
  }
  if (loading.mistakes.length > 0 || !parsed.success) throw new ConfigMistakes(loading.mistakes)
  return { config: frozen(parsed.data), warnings: nearMisses(sources) }
}

function readFile(loading: Loading, file: string): void {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error'
    loading.mistakes.push(`${file}: cannot be read (${why})`)
    return
  }
  const lines = new LineCounter()
  const document = parseDocument(text, { prettyErrors: true, lineCounter: lines })
  for (const error of document.errors) {
    const line = error.linePos?.[0].line ?? 1
    loading.mistakes.push(`${file}:${line}: is not valid YAML (${error.code})`)
  }
  if (document.errors.length > 0) return
  const read = yamlValue(document)
  if ('mistake' in read) {
    loading.mistakes.push(`${file}:${lines.linePos(read.offset).line}: ${read.mistake}`)
    return
  }
  const content = read.value
  if (content === null || content === undefined) return
  if (!isMap(content)) {
    loading.mistakes.push(`${file}: ${shown(content)} was given; allowed: a map of sections`)
    return
  }
  lay(loading, content, [], file)
}

/** Puts a layer's map over what is there, and refuses names that the schema does not have. */
function lay(
  loading: Loading,
  layer: Record<string, unknown>,
  path: readonly string[],
  where: string,
): void {
  const node = nodeAt(loading.tree, path) ?? loading.tree
  for (const [name, value] of Object.entries(layer)) {
    const childPath = [...path, name]
    const child = name === '__proto__' ? undefined : member(node, name)
    if (child === undefined) {
      loading.mistakes.push(unknownLine(where, childPath, Object.keys(node.properties ?? {})))
    } else if (isMap(value) && isSection(child)) {
      lay(loading, value, childPath, where)
    } else {
      checkNested(loading, child, value, childPath, where)
      put(loading, childPath, value, where)
    }
  }
}

/** Items of lists are replaced as a whole, but their keys are checked as strictly. */
function checkNested(
  loading: Loading,
  node: OptionNode,
  value: unknown,
  path: readonly string[],
  where: string,
): void {
  if (Array.isArray(value) && node.items !== undefined) {
    for (const [index, item] of value.entries()) {
      checkNested(loading, node.items, item, [...path, String(index)], where)
    }
  } else if (isMap(value) && isSection(node)) {
    for (const [name, inner] of Object.entries(value)) {
      const child = member(node, name)
      const childPath = [...path, name]
      if (child !== undefined) checkNested(loading, child, inner, childPath, where)
      else loading.mistakes.push(unknownLine(where, childPath, Object.keys(node.properties ?? {})))
    }
  }
}

function unknownLine(where: string, path: readonly string[], known: readonly string[]): string {
  const name = path.at(-1) ?? ''
  const meant = nearest(name, known, Math.max(1, Math.floor(name.length / 3)))
  const hint = meant === null ? `allowed here: ${known.join(', ')}` : `did you mean ${meant}?`
  return `${where}: ${path.join('.')} is not an option; ${hint}`
}

function readEnvironment(loading: Loading, sources: ConfigSources): void {
  for (const [name, dotted] of Object.entries(sources.envNames)) {
    const path = dotted.split('.')
    const node = nodeAt(loading.tree, path)
    if (node === null) throw new Error(`${name} sets ${dotted}, which the schema does not have`)
    const text = sources.env[name]
    // An empty variable is how shells and env files say "not set".
    if (text === undefined || text === '') continue
    put(loading, path, coerced(text, node), `environment ${name}`)
  }
}

function readFlags(loading: Loading, flags: Readonly<Record<string, unknown>>): void {
  for (const [dotted, value] of Object.entries(flags)) {
    if (value === undefined) continue
    const path = dotted.split('.')
    const node = nodeAt(loading.tree, path)
    if (node === null) {
      const parent = nodeAt(loading.tree, path.slice(0, -1))
      loading.mistakes.push(unknownLine('flag', path, Object.keys(parent?.properties ?? {})))
      continue
    }
    const given = typeof value === 'string' ? coerced(value, node) : value
    put(loading, path, given, `flag ${dotted}`)
  }
}

function put(loading: Loading, path: readonly string[], value: unknown, where: string): void {
  let section = loading.value
  for (const name of path.slice(0, -1)) {
    const inner = section[name]
    const next: Record<string, unknown> = isMap(inner) ? inner : {}
    section[name] = next
    section = next
  }
  section[path.at(-1) ?? ''] = value
  loading.origins.set(path.join('.'), where)
}

/** A section that nobody mentioned is empty, not missing: its options have their defaults. */
function fillSections(node: OptionNode, value: Record<string, unknown>): void {
  for (const name of node.required ?? []) {
    const child = node.properties?.[name]
    if (child?.properties === undefined) continue
    value[name] ??= {}
    const section = value[name]
    if (isMap(section)) fillSections(child, section)
  }
}

function issueLines(loading: Loading, issue: z.core.$ZodIssue): string[] {
  // A strict schema repeats what was told while the layers were laid.
  if (issue.code === 'unrecognized_keys') return []
  const path = issue.path.map(String)
  const where = originOf(loading, path)
  const node = nodeAt(loading.tree, path)
  const isOwnRule = issue.code === 'custom' || node === null
  const allowed = isOwnRule ? issue.message : allowedWords(node)
  const given = shown(valueAt(loading.value, path))
  return [`${where}: ${path.join('.')} is ${given}; allowed: ${allowed}`]
}

/** Where the value, or the nearest map or list around it, was given. */
function originOf(loading: Loading, path: readonly string[]): string {
  for (let length = path.length; length > 0; length -= 1) {
    const origin = loading.origins.get(path.slice(0, length).join('.'))
    if (origin !== undefined) return origin
  }
  return 'not given anywhere'
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let found = value
  for (const name of path) {
    if (typeof found !== 'object' || found === null) return undefined
    found = Object.getOwnPropertyDescriptor(found, name)?.value
  }
  return found
}

const ownPrefixes = ['API_', 'MODEL_']

function nearMisses(sources: ConfigSources): string[] {
  const known = new Set([...Object.keys(sources.envNames), ...sources.otherEnvNames])
  return Object.keys(sources.env).flatMap((name) => {
    // VLLM_* belongs to the worker's image, which has hundreds; short names are near everything.
    if (known.has(name) || name.startsWith('VLLM_') || name.length < 6) return []
    const isOurs = ownPrefixes.some((prefix) => name.startsWith(prefix)) || name.length >= 10
    const meant = nearest(name, known, isOurs ? 2 : 1)
    if (meant === null) return []
    return [`environment ${name}: is not known and has no effect; did you mean ${meant}?`]
  })
}

function isSection(node: OptionNode): boolean {
  return node.properties !== undefined || node.additionalProperties !== undefined
}

function frozen<T>(value: T): T {
  if (Array.isArray(value) || isMap(value)) {
    for (const inner of Object.values(value)) frozen(inner)
    Object.freeze(value)
  }
  return value
}
