// No file needs itself: who reads one must not have to read all of a circle first. Imports of types
// count, because a reader follows them too.
import { expect, test } from 'vitest'
import { type SourceFile, sourceFile, sourceFiles } from './source-files.ts'
import { importedFiles } from './syntax.ts'

/** Groups of files each of which leads, by its imports, to all others of its group. */
function circlesIn(files: readonly SourceFile[]): string[][] {
  const imports = new Map(files.map((file) => [file.path, importedFiles(file)]))
  const reached = new Map([...imports.keys()].map((path) => [path, reachedFrom(path, imports)]))
  const circles = new Map<string, string[]>()
  for (const [path, others] of reached) {
    const circle = [...others].filter((other) => reached.get(other)?.has(path)).toSorted()
    if (circle.length > 0) circles.set(circle.join(), circle)
  }
  return [...circles.values()]
}

function reachedFrom(path: string, imports: ReadonlyMap<string, readonly string[]>): Set<string> {
  const reached = new Set<string>()
  const next = [path]
  for (let one = next.pop(); one !== undefined; one = next.pop()) {
    for (const other of imports.get(one) ?? []) {
      if (reached.has(other)) continue
      reached.add(other)
      next.push(other)
    }
  }
  return reached
}

test('no file imports itself, over however many others', () => {
  expect(circlesIn(sourceFiles())).toEqual([])
})

test('the rule sees a circle, through types, front doors and dynamic imports', () => {
  const texts = {
    'src/a/index.ts': "export { x } from './x.ts'",
    'src/a/x.ts': "import type { Y } from '#b'",
    'src/b/index.ts': "export const y = () => import('../b/y.ts')",
    'src/b/y.ts': "let x: import('#a').X",
    'src/b/z.ts': "import { y } from './y.ts'",
  }
  const files = Object.entries(texts).map(([path, text]) => sourceFile(path, text))
  expect(circlesIn(files)).toEqual([
    ['src/a/index.ts', 'src/a/x.ts', 'src/b/index.ts', 'src/b/y.ts'],
  ])
  expect(circlesIn([sourceFile('src/a/self.ts', "import './self.ts'")])).toEqual([
    ['src/a/self.ts'],
  ])
})
