// The rules of style that a test can check: sizes, names, the comment at the top of a file, and no
// upstream kind named in the core.
import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  exportsOf,
  filesBelow,
  importsOf,
  root,
  type SourceFile,
  sourceFile,
  sourceFiles,
  stringsOf,
} from './source-files.ts'

const LINES_MAX = 300
const COLUMNS_MAX = 100
const HEADER_LINES_MAX = 8

function tooLarge({ path, text }: SourceFile): string[] {
  const lines = text.trimEnd().split('\n')
  const tables = tableLines(lines)
  const long = lines.flatMap((line, index) =>
    line.length > COLUMNS_MAX && !tables.has(index) ? [`${path}:${index + 1}`] : [],
  )
  return lines.length > LINES_MAX ? [`${path}: ${lines.length} lines`, ...long] : long
}

/** Lines of tables: from the mark that they keep their format to the closing bracket. */
function tableLines(lines: readonly string[]): Set<number> {
  const found = new Set<number>()
  let isInside = false
  for (const [index, line] of lines.entries()) {
    if (line.includes('biome-ignore format: ')) isInside = true
    else if (/^[\]})]/.test(line)) isInside = false
    if (isInside) found.add(index)
  }
  return found
}

const empty = /(?:^|[-_])(?:utils?|helpers?|common|managers?|services?|misc)(?:[-_.]|$)/i

function emptyNames(file: SourceFile): string[] {
  const { path } = file
  const words = (name: string) => name.replace(/([a-z\d])([A-Z])/g, '$1-$2')
  const inPath = path.split('/').filter((part) => empty.test(part))
  const inExports = exportsOf(file).filter((name) => empty.test(words(name)))
  return [...inPath, ...inExports].map((name) => `${path}: ${name}`)
}

const core = new Set(['relay', 'routing', 'limits', 'keys', 'domain', 'surfaces', 'http'])

/** Folders of src/upstreams that are kinds: each has an `index.ts` or is named in the table. */
function kindNames(): string[] {
  const table = sourceFiles().find(({ path }) => path === 'src/upstreams/kinds.ts')
  const named = table === undefined ? '' : stringsOf(table).join(' ')
  const folders = readdirSync(`${root}src/upstreams`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && named.includes(entry.name))
    .map((entry) => entry.name)
  return [...new Set([...folders, 'runpod'])]
}

function providerNames(file: SourceFile, kinds: readonly string[]): string[] {
  if (!core.has(file.room)) return []
  const mentions = [...stringsOf(file), ...importsOf(file)]
  const found = kinds.filter((kind) => mentions.some((text) => isMentioned(kind, text)))
  return found.map((kind) => `${file.path}: ${kind}`)
}

function isMentioned(kind: string, text: string): boolean {
  return new RegExp(`(?<![\\w-])${kind}(?![\\w])`, 'i').test(text)
}

/** What is wrong with the comment at the top of a file. */
function headerMistakes({ path, text }: SourceFile): string[] {
  if (!/^\/\/ \S/.test(text)) return [`${path}: no header`]
  const count = [...text.split('\n'), ''].findIndex((line) => !line.startsWith('//'))
  return count > HEADER_LINES_MAX ? [`${path}: a header of ${count} lines`] : []
}

/** The files of src, tests and scripts, and the configurations at the root. */
function typescriptFiles(): SourceFile[] {
  const paths = [...['src', 'tests', 'scripts'].flatMap(filesBelow), ...readdirSync(root)]
  return paths
    .filter((path) => path.endsWith('.ts'))
    .map((path) => sourceFile(path, readFileSync(`${root}${path}`, 'utf8')))
}

const files = sourceFiles()

test('no file is longer than 300 lines, no line than 100 columns', () => {
  expect(files.flatMap(tooLarge)).toEqual([])
})

test('files and exported names say what they hold', () => {
  expect(files.flatMap(emptyNames)).toEqual([])
})

test('files are named in kebab-case', () => {
  const odd = files.filter(({ path }) => !/^[a-z\d]+(-[a-z\d]+)*\.ts$/.test(posix.basename(path)))
  expect(odd.map(({ path }) => path)).toEqual([])
})

test('the core knows no upstream kind by name', () => {
  const kinds = kindNames()
  expect(kinds.length).toBeGreaterThan(1)
  expect(files.flatMap((file) => providerNames(file, kinds))).toEqual([])
})

test('files begin by saying what they are, in eight lines at most', () => {
  expect(typescriptFiles().flatMap(headerMistakes)).toEqual([])
})

test('a check is switched off only for the format of a table', () => {
  const off = /@ts-ignore|@ts-expect-error|@ts-nocheck|biome-ignore (?!format: )/
  expect(files.filter(({ text }) => off.test(text)).map(({ path }) => path)).toEqual([])
})

describe('the rules see', () => {
  test('what is too long', () => {
    const text = `${'\n'.repeat(301)}x\nconst a = '${'y'.repeat(100)}'`
    expect(tooLarge(sourceFile('src/http/a.ts', text))).toEqual([
      'src/http/a.ts: 303 lines',
      'src/http/a.ts:303',
    ])
  })

  test.each([
    ['import a from "a"\n// What it is.\n', ['tests/a.test.ts: no header']],
    ['//\n// What it is.\n', ['tests/a.test.ts: no header']],
    ['', ['tests/a.test.ts: no header']],
    ['// What it is.\n'.repeat(9), ['tests/a.test.ts: a header of 9 lines']],
    [`${'// What it is.\n'.repeat(8)}import a from 'a'\n// Why.\n`, []],
  ])('a header that is missing or too long, and no other: %j', (text, said) => {
    expect(headerMistakes(sourceFile('tests/a.test.ts', text))).toEqual(said)
  })

  test.each([
    ['src/http/string-utils.ts', ''],
    ['src/common/a.ts', ''],
    ['src/http/a.ts', 'export function createKeyManager() {}'],
    ['src/http/a.ts', 'export const misc = 1'],
    ['src/http/a.ts', 'export class AuthService {}'],
  ])('an empty name: %s %s', (path, text) => {
    expect(emptyNames(sourceFile(path, text))).toHaveLength(1)
  })

  test.each([
    "if (kind === 'runpod') {}",
    'const text = `a RunPod job`',
    "from '#upstreams/runpod'",
  ])('a provider in the core: %s', (text) => {
    expect(providerNames(sourceFile('src/relay/a.ts', text), ['runpod'])).toHaveLength(1)
    expect(providerNames(sourceFile('src/upstreams/a.ts', text), ['runpod'])).toEqual([])
  })

  test('comments may name providers', () => {
    const file = sourceFile('src/relay/a.ts', "// what 'runpod' sends\n/** `runpod` */\n")
    expect(providerNames(file, ['runpod'])).toEqual([])
  })
})
