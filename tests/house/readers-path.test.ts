// `docs/architecture.md` lists the files that a reader opens, in order, to follow one streaming chat
// call from its socket to its ledger row. Each is there, and a file before it leads to it.
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { root, sourceFiles } from './source-files.ts'
import { importedFiles } from './syntax.ts'

const files = new Map(sourceFiles().map((file) => [file.path, file]))
const pathOf = (page: string) =>
  [...page.matchAll(/^\d+\. `(src\/[\w./-]+)`/gm)].map(([, path]) => path ?? '')
const page = readFileSync(`${root}docs/architecture.md`, 'utf8')

/** What a file imports, itself or by a front door or the table of kinds, or starts as a thread. */
function leadsTo(path: string): Set<string> {
  const found = new Set<string>()
  const next = namedIn(path)
  for (let one = next.pop(); one !== undefined; one = next.pop()) {
    if (found.has(one)) continue
    found.add(one)
    if (/\/(?:index|kinds)\.ts$/.test(one)) next.push(...namedIn(one))
  }
  return found
}

function namedIn(path: string): string[] {
  const file = files.get(path)
  if (file === undefined) return []
  const threads = [...file.text.matchAll(/new URL\('\.\/([\w-]+\.ts)'/g)]
  return [...importedFiles(file), ...threads.map(([, name]) => `${dirname(path)}/${name}`)]
}

/** Files of the list to which no file before them leads, nor `app`, which knows both. */
function lost(paths: readonly string[]): string[] {
  const app = [...files.keys()].filter((path) => path.startsWith('src/app/')).map(leadsTo)
  return paths.filter((path, at) => {
    if (at === 0) return !files.has(path)
    const before = paths.slice(0, at)
    const isImported = before.some((one) => leadsTo(one).has(path))
    const isHandedIn = app.some((known) => known.has(path) && before.some((one) => known.has(one)))
    return !isImported && !isHandedIn
  })
}

test('each file of the path is there, and one before it leads to it', () => {
  const paths = pathOf(page)
  expect(paths.length).toBeGreaterThan(20)
  expect(new Set(paths).size).toBe(paths.length)
  expect(lost(paths)).toEqual([])
})

test('the page says how long the path is', () => {
  const [, told] = /the (\d+) files that a reader opens/i.exec(page) ?? []
  expect(Number(told)).toBe(pathOf(page).length)
})

test('the rule sees a file that nothing leads to, and one that is gone', () => {
  expect(lost(['src/http/server.ts', 'src/cli/table.ts'])).toEqual(['src/cli/table.ts'])
  expect(lost(['src/http/server.ts', 'src/http/gone.ts'])).toEqual(['src/http/gone.ts'])
  expect(lost(['src/gone.ts'])).toEqual(['src/gone.ts'])
  expect(lost(['src/http/server.ts', 'src/http/guard.ts'])).toEqual([])
})
