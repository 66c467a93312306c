// Generated pages say what the code says. Links and npm scripts in all pages exist, and the
// template of the environment names the variables that Podgate knows.
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { generatedDocs } from '../../scripts/write-docs.ts'
import { filesBelow, root } from './source-files.ts'

const read = (path: string) => readFileSync(`${root}${path}`, 'utf8')

test.each(Object.entries(generatedDocs()))('%s says what the code says', (path, text) => {
  expect(existsSync(`${root}${path}`) ? read(path) : `run npm run docs: ${path} is absent`).toBe(
    text,
  )
})

const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'rulebook.md', 'project-outline.md'],
  'todo.md',
  ...filesBelow('docs').filter((path) => path.endsWith('.md')),
]

/** Whoever runs a gateway makes it, out of a template. */
const operatorsFile = 'configs/local.env'

function filesGone(text: string): string[] {
  return [...text.matchAll(/`((?:src|tests|scripts|docs|configs|docker)\/[\w./-]+\.\w+)`/g)]
    .map(([, file = '']) => file)
    .filter((file) => file !== operatorsFile && !existsSync(`${root}${file}`))
}

describe.each(pages)('%s', (path) => {
  const text = read(path)

  test('links to files that exist', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g)]
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : ''
    const dead = links.filter(([, target]) => !existsSync(`${root}${folder}${target}`))
    expect(dead.map(([link]) => link)).toEqual([])
  })

  test('names files that exist', () => {
    // A changelog tells of files that were.
    expect(path === 'CHANGELOG.md' ? [] : filesGone(text)).toEqual([])
  })

  test('names npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json'))
    const named = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name ?? '')
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([])
  })
})

test('a file that is named and gone is seen', () => {
  const text =
    '`src/main.ts`, `src/gone.ts`, `docs/gone.md`, `src/<room>/x.ts`, `configs/local.env`'
  expect(filesGone(text)).toEqual(['src/gone.ts', 'docs/gone.md'])
})

test('every environment name in the template is one that Podgate knows', async () => {
  const { configurationOf } = await import('#src/app/index.ts')
  const { envNames, otherEnvNames } = configurationOf()
  const known = new Set([...Object.keys(envNames), ...otherEnvNames])
  const template = read('configs/local.env.example')
  const named = [...template.matchAll(/^#? ?([A-Z][A-Z\d_]+)=/gm)].map(([, name]) => name ?? '')
  const isFree = (name: string) => /^(?:VLLM_|EXTERNAL_.+_KEY$)/.test(name)
  expect(named.filter((name) => !known.has(name) && !isFree(name))).toEqual([])
  expect([...known].filter((name) => !named.includes(name))).toEqual([])
})
