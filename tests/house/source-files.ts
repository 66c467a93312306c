// What the house rules look at: the files of src as text, and what they import, name and quote.
import { readdirSync, readFileSync } from 'node:fs'

export interface SourceFile {
  /** From the repository's root: `src/http/server.ts`. */
  path: string
  /** The folder below src; empty for a file right in it. */
  room: string
  text: string
}

export const root = new URL('../../', import.meta.url).pathname

export function sourceFile(path: string, text: string): SourceFile {
  const [, room = '', ...rest] = path.split('/')
  return { path, room: rest.length === 0 ? '' : room, text }
}

export function sourceFiles(): SourceFile[] {
  return filesBelow('src')
    .filter((path) => path.endsWith('.ts'))
    .map((path) => sourceFile(path, readFileSync(`${root}${path}`, 'utf8')))
}

export function filesBelow(folder: string): string[] {
  const entries = readdirSync(`${root}${folder}`, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(root.length))
    .sort()
}

/** The specifiers of all imports and re-exports, dynamic ones and types included. */
export function importsOf({ text }: SourceFile): string[] {
  const specifier = /(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"\n]+)['"]/g
  return [...withoutComments(text).matchAll(specifier)].map(([, name]) => name ?? '')
}

/** Names that a file exports by declaring them. */
export function exportsOf({ text }: SourceFile): string[] {
  const declaration =
    /^export (?:async )?(?:function\*?|const|let|class|interface|type) (?!\*|\{)([\w$]+)/gm
  return [...text.matchAll(declaration)].map(([, name]) => name ?? '')
}

export function stringsOf({ text }: SourceFile): string[] {
  const literal = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g
  return (withoutComments(text).match(literal) ?? []).map((quoted) => quoted.slice(1, -1))
}

export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1')
}
