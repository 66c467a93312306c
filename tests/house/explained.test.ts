// Each exported type of the rooms that hold the product's words is explained: by the glossary, by a
// comment right above it, or by the header of its file, which names it.
import { describe, expect, test } from 'vitest'
import { readGlossary } from '../../scripts/glossary-page.ts'
import { type SourceFile, sourceFile, sourceFiles } from './source-files.ts'

const rooms = new Set(['domain', 'routing', 'relay', 'limits'])

interface Words {
  whole: ReadonlySet<string>
  /** Endings of names, which mean the same in every name. */
  last: ReadonlySet<string>
}

function wordsOf(source: string): Words {
  const words = readGlossary(source).flatMap((part) => part.words.map(({ word }) => word))
  const [endings, whole] = [true, false].map((isEnding) =>
    words.filter((word) => word.startsWith('…') === isEnding),
  )
  return {
    whole: new Set(whole?.map((word) => word.toLowerCase())),
    last: new Set(endings?.map((word) => word.slice(1))),
  }
}

/** Exported types without an explanation, as `path: Name`. */
function unexplained({ path, text }: SourceFile, { whole, last }: Words): string[] {
  const header = /^(?:\/\/.*\n)*/.exec(text)?.[0] ?? ''
  const declaration = /^export (?:abstract )?(?:interface|type|class) ([\w$]+)/gm
  return [...text.matchAll(declaration)].flatMap(({ 1: name = '', index }) => {
    const words = name.replace(/([a-z\d])([A-Z])/g, '$1 $2').toLowerCase()
    const isInGlossary = whole.has(words) || last.has(words.split(' ').at(-1) ?? '')
    const hasComment = /(?:^\/\/.*|\*\/)\n$/m.test(text.slice(header.length, index))
    const isInHeader = new RegExp(`\\b${name}\\b`).test(header)
    return isInGlossary || hasComment || isInHeader ? [] : [`${path}: ${name}`]
  })
}

const files = sourceFiles()
const glossary = files.find(({ path }) => path === 'src/domain/index.ts')?.text ?? ''

test('every exported type of these rooms is explained', () => {
  const words = wordsOf(glossary)
  const looked = files.filter(({ room }) => rooms.has(room))
  expect(new Set(looked.map(({ room }) => room))).toEqual(rooms)
  expect(looked.flatMap((file) => unexplained(file, words))).toEqual([])
})

test('no word of the glossary is explained twice', () => {
  const words = readGlossary(glossary).flatMap((part) => part.words.map(({ word }) => word))
  expect(words.filter((word, at) => words.indexOf(word) !== at)).toEqual([])
})

describe('the rule sees', () => {
  const words = wordsOf(
    ['/*', 'Glossary', '', '# A', 'call record: B.', '…ports: C.', '*/', ''].join('\n'),
  )
  const look = (text: string) => unexplained(sourceFile('src/relay/a.ts', text), words)

  test.each([
    'export interface Ending {}',
    'export type Ending = string',
    'export class Ending {}',
    'export abstract class Ending {}',
    '// How a call ends.\nexport class Ending {}',
    '/** How a call ends. */\nconst a = 1\n\nexport class Ending {}',
    '// It names Endings.\n\nexport class Ending {}',
  ])('what nothing explains: %j', (text) => {
    expect(look(text)).toEqual(['src/relay/a.ts: Ending'])
  })

  test.each([
    'export interface CallRecord {}',
    'export interface RelayPorts {}',
    '// A file.\n\n/** How a call ends. */\nexport class Ending {}',
    '// A file.\n\n/**\n * How\n * it ends.\n */\nexport type Ending = string',
    '// Ending is how a call ends.\n\nexport class Ending {}',
    'class Hidden {}',
  ])('what is explained: %j', (text) => {
    expect(look(text)).toEqual([])
  })

  test('a source without a glossary', () => {
    expect(() => readGlossary('export {}')).toThrow('has no glossary')
  })
})
