// A new kind of upstream is one folder and one line in the table of kinds. So the rooms that compose
// the gateway collect what the kinds declare, and name none of them. Prose may name RunPod: help and
// comments talk to people.
import { expect, test } from 'vitest'
import { kinds } from '#src/upstreams/kinds.ts'
import {
  importsOf,
  type SourceFile,
  sourceFile,
  sourceFiles,
  withoutComments,
} from './source-files.ts'

const composing = new Set(['app', 'cli'])

/** Every word by which code can name a kind: `some-kind`, `someKind`, `SomeKind`, `SOME_KIND_KEY`. */
const words = Object.entries(kinds).flatMap(([kind, { envNames = {}, secrets = [] }]) => {
  const camel = kind.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
  const pascal = camel.slice(0, 1).toUpperCase() + camel.slice(1)
  const secretWords = secrets.flatMap((one) => /\w+/.exec(String(one)) ?? [])
  return [...new Set([kind, camel, pascal]), ...Object.keys(envNames), ...secretWords]
})

/** Parts of words count (`hasRunpod`), but not the ids of examples (`phi-2-runpod`). */
function kindsNamedIn(file: SourceFile): string[] {
  if (!composing.has(file.room)) return []
  const code = withoutComments(file.text)
  const named = words.filter((word) => new RegExp(`(?<!-)${word}`).test(code))
  const imported = importsOf(file).filter((name) => name.includes('upstreams/'))
  return [...named, ...imported].map((what) => `${file.path}: ${what}`)
}

test('what composes the gateway names no kind of upstream', () => {
  expect(sourceFiles().flatMap(kindsNamedIn)).toEqual([])
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['src/app/a.ts', "if (kind === 'runpod') {}",                        ['runpod']],
  ['src/app/a.ts', 'config.runpod.baseUrl',                            ['runpod']],
  ['src/app/a.ts', 'settings.hasRunpod',                               ['Runpod']],
  ['src/app/a.ts', "env.RUNPOD_BASE_URL ?? secret('RUNPOD_API_KEY')",  ['RUNPOD_BASE_URL', 'RUNPOD_API_KEY']],
  ['src/app/a.ts', '/^EXTERNAL_(.+)_KEY$/.exec(name)',                   ['EXTERNAL_']],
  ['src/cli/a.ts', "kind: 'openai-compatible'",                        ['openai-compatible']],
  ['src/cli/a.ts', "import { x } from '#src/upstreams/kind.ts'",       ['#src/upstreams/kind.ts']],
  ['src/cli/a.ts', "out('your RunPod') // 'runpod'",                   []],
  ['src/cli/a.ts', "exampleOf('models show phi-2-runpod')",            []],
  ['src/upstreams/kinds.ts', "'openai-compatible': openaiCompatible",  []],
])('in %s, %s names %j', (path, text, named) => {
  expect(kindsNamedIn(sourceFile(path, text))).toEqual(named.map((what) => `${path}: ${what}`))
})
