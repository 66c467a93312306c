// Rooms of src import only from lower floors, through front doors, and only http imports fastify.
import { readdirSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { importsOf, root, type SourceFile, sourceFile, sourceFiles } from './source-files.ts'

const floors = [
  ['domain'],
  ['wire', 'config', 'storage', 'observability'],
  ['keys', 'limits', 'models', 'routing', 'upstreams', 'surfaces', 'accounting'],
  ['relay'],
  ['http', 'simulator', 'agent'],
  ['app'],
  ['cli'],
]
const floorOf = new Map(floors.flatMap((rooms, floor) => rooms.map((room) => [room, floor])))
const httpOnly = /^(?:fastify|@fastify\/.+)$/

/** What is wrong with a file's imports, one line each. */
function wrongImports(file: SourceFile): string[] {
  return importsOf(file).flatMap((name) => {
    const wrong = wrongImport(file, name)
    return wrong === null ? [] : [`${file.path} imports ${name}: ${wrong}`]
  })
}

function wrongImport({ path, room }: SourceFile, name: string): string | null {
  if (name.startsWith('.')) {
    if (!name.endsWith('.ts')) return 'no ending'
    const target = posix.join(posix.dirname(path), name)
    const isOwn = room === '' ? path === 'src/main.ts' : target.startsWith(`src/${room}/`)
    return isOwn ? null : 'leaves its room'
  }
  if (name.startsWith('#')) {
    const other = name.slice(1)
    if (!floorOf.has(other)) return 'is no front door'
    if (other === room) return 'is its own front door'
    return (floorOf.get(other) ?? 0) < (floorOf.get(room) ?? 0) ? null : 'is not on a lower floor'
  }
  return httpOnly.test(name) && room !== 'http' ? 'only http knows fastify' : null
}

test('every room has a floor', () => {
  const entries = readdirSync(`${root}src`, { withFileTypes: true })
  const rooms = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  expect(rooms.filter((room) => !floorOf.has(room))).toEqual([])
})

test('right under src there is only the way in', () => {
  const files = sourceFiles().filter(({ room }) => room === '')
  expect(files.map(({ path }) => path)).toEqual(['src/main.ts'])
})

test('rooms import lower floors only, through front doors, and leave fastify to http', () => {
  expect(sourceFiles().flatMap(wrongImports)).toEqual([])
})

test('every room that is imported has a front door', () => {
  const doors = new Set(sourceFiles().map(({ path }) => path))
  const used = new Set(
    sourceFiles()
      .flatMap(importsOf)
      .filter((name) => name.startsWith('#')),
  )
  const missing = [...used].filter((name) => !doors.has(`src/${name.slice(1)}/index.ts`))
  expect(missing).toEqual([])
})

describe('the rule sees', () => {
  test.each([
    ['src/domain/a.ts', "import { x } from '#wire'", 'is not on a lower floor'],
    ['src/keys/a.ts', "import type { x } from '#limits'", 'is not on a lower floor'],
    ['src/http/a.ts', "const x = await import('#app')", 'is not on a lower floor'],
    ['src/http/a.ts', "import { x } from '#relay/relay-call.ts'", 'is no front door'],
    ['src/http/a.ts', "import { x } from '#src/relay/index.ts'", 'is no front door'],
    ['src/http/a.ts', "export { x } from '#http'", 'is its own front door'],
    ['src/http/a.ts', "import { x } from '../relay/index.ts'", 'leaves its room'],
    ['src/http/a.ts', "import './b'", 'no ending'],
    ['src/relay/a.ts', "import type { FastifyReply } from 'fastify'", 'only http knows fastify'],
    ['src/app/a.ts', "import rateLimit from '@fastify/rate-limit'", 'only http knows fastify'],
    ['src/relay/a.ts', "import {\n  x,\n  y,\n} from '#http'", 'is not on a lower floor'],
  ])('%s: %s', (path, text, said) => {
    expect(wrongImports(sourceFile(path, text)).join()).toMatch(new RegExp(`: ${said}$`))
  })

  test.each([
    ['src/http/a.ts', "import fastify from 'fastify'"],
    ['src/http/sub/a.ts', "import { x } from '../b.ts'"],
    ['src/cli/a.ts', "import { x } from '#app'\nimport { y } from 'node:fs'"],
    ['src/keys/a.ts', "// import { x } from '#app'\nimport { x } from '#domain'"],
    ['src/main.ts', "import { main } from './cli/main.ts'"],
  ])('nothing wrong in %s: %s', (path, text) => {
    expect(wrongImports(sourceFile(path, text))).toEqual([])
  })
})
