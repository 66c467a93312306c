// Reads the Dockerfiles as text, without Docker: images are pinned, no secret is set, root needs a
// reason, and the gateway starts with the flags of `npm start`.
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { filesBelow, root } from './source-files.ts'

interface Instruction {
  name: string
  value: string
}

const known = new Set(
  `FROM RUN CMD LABEL EXPOSE ENV ADD COPY ENTRYPOINT VOLUME USER WORKDIR ARG ONBUILD STOPSIGNAL
   HEALTHCHECK SHELL`.split(/\s+/),
)

/** Instructions with their continued lines joined; comments and empty lines left out. */
function parseDockerfile(text: string): Instruction[] {
  const lines = text.split('\n').filter((line) => !/^\s*(?:#|$)/.test(line))
  const joined = lines.join('\n').replace(/\\\n\s*/g, '')
  return joined.split('\n').map((line) => {
    const [, name = '', value = ''] = /^\s*(\S+)\s*(.*)$/.exec(line) ?? []
    return { name: name.toUpperCase(), value }
  })
}

/** What is wrong with a Dockerfile, one line each. */
function mistakesIn(instructions: readonly Instruction[], copyable: (path: string) => boolean) {
  const mistakes: string[] = []
  const first = instructions.find(({ name }) => name !== 'ARG')
  if (first?.name !== 'FROM') mistakes.push('does not begin with FROM')
  for (const { name, value } of instructions) {
    if (!known.has(name)) mistakes.push(`${name} is no instruction`)
    if (value === '') mistakes.push(`${name} says nothing`)
    if (name === 'FROM') mistakes.push(...imageMistakes(value))
    if (name === 'ENV' || name === 'ARG') mistakes.push(...secretMistakes(name, value))
    if (name === 'COPY') mistakes.push(...copyMistakes(value, copyable))
    if (/^(?:CMD|ENTRYPOINT)$/.test(name) && !isExecForm(value)) {
      mistakes.push(`${name} would not pass on signals: it is no JSON list`)
    }
  }
  const user = instructions.findLast(({ name }) => name === 'USER')?.value ?? 'root'
  if (/^(?:root|0)(?::|$)/.test(user)) mistakes.push('runs as root')
  return mistakes
}

function imageMistakes(value: string): string[] {
  const [image = ''] = value.split(/\s+/)
  const isPinned = /:[\w.-]+(?:@sha256:[\da-f]{64})?$/.test(image) && !/:latest\b/.test(image)
  return isPinned ? [] : [`image ${image} is not pinned`]
}

function secretMistakes(name: string, value: string): string[] {
  return /(?:_KEY|_KEYS|TOKEN|PASSWORD|SECRET)=\S/.test(value) ? [`${name} holds a secret`] : []
}

function copyMistakes(value: string, copyable: (path: string) => boolean): string[] {
  const parts = value.split(/\s+/).filter((part) => !part.startsWith('--'))
  if (value.includes('--from=')) return []
  const absent = parts.slice(0, -1).filter((path) => !copyable(path))
  return absent.map((path) => `COPY of ${path}, which is not there`)
}

function isExecForm(value: string): boolean {
  try {
    return Array.isArray(JSON.parse(value))
  } catch {
    return false
  }
}

const dockerfiles = filesBelow('docker').filter((path) => path.endsWith('Dockerfile'))

test('there is one for the gateway and one for the worker', () => {
  expect(dockerfiles).toEqual(['docker/gateway/Dockerfile', 'docker/worker/Dockerfile'])
})

test.each(dockerfiles)(
  '%s is well-formed, pinned, without secrets, and not root without a reason',
  (path) => {
    const text = readFileSync(`${root}${path}`, 'utf8')
    const mistakes = mistakesIn(parseDockerfile(text), (name) => existsSync(`${root}${name}`))
    // Root is a choice that must give its reason in the file.
    const isReasoned = /^# Runs as root: \S.{20,}/m.test(text)
    expect(mistakes.filter((mistake) => !(isReasoned && mistake === 'runs as root'))).toEqual([])
  },
)

test('the gateway never runs as root', () => {
  const text = readFileSync(`${root}docker/gateway/Dockerfile`, 'utf8')
  expect(parseDockerfile(text)).toContainEqual({ name: 'USER', value: 'node' })
})

test('the image is made for production and says how it feels', () => {
  const text = readFileSync(`${root}docker/gateway/Dockerfile`, 'utf8')
  const instructions = parseDockerfile(text)
  const of = (wanted: string) => instructions.find(({ name }) => name === wanted)?.value ?? ''
  expect(of('HEALTHCHECK')).toContain('/health')
  expect(text).toContain('npm ci --omit=dev --omit=optional')
})

test('the image starts the gateway with the flags of npm start, for the build as well', () => {
  const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  const [flags = ''] = scripts.start.match(/--.*(?= scripts)/) ?? []
  expect(flags).toMatch(/^--/)
  const gateway = parseDockerfile(readFileSync(`${root}docker/gateway/Dockerfile`, 'utf8'))
  const cmd = gateway.findLast(({ name }) => name === 'CMD')?.value ?? '[]'
  expect(JSON.parse(cmd)).toEqual(['node', ...flags.split(' '), 'src/main.ts', 'serve'])
  const build = gateway.filter(({ name, value }) => name === 'RUN' && value.includes('src/main.ts'))
  expect(build.map(({ value }) => value)).toEqual([
    expect.stringContaining(`node ${flags} src/main.ts serve`),
  ])
})

describe('the parser sees', () => {
  const good = 'FROM node:26.1.0-slim\nUSER node\nCMD ["node"]\n'

  test('nothing wrong in a good file', () => {
    expect(mistakesIn(parseDockerfile(good), () => true)).toEqual([])
  })

  test.each([
    ['RUN a \\\n  b\nFROM x:1\nUSER a', 'does not begin with FROM'],
    [`${good}RUNN a`, 'RUNN is no instruction'],
    [good.replace('26.1.0-slim', 'latest'), 'image node:latest is not pinned'],
    ['FROM node\nUSER node', 'image node is not pinned'],
    [`${good}USER root`, 'runs as root'],
    ['FROM node:1', 'runs as root'],
    [`${good}ENV API_KEYS=abc`, 'ENV holds a secret'],
    [`${good}CMD node x`, 'CMD would not pass on signals: it is no JSON list'],
    [`${good}COPY gone here`, 'COPY of gone, which is not there'],
  ])('%j: %s', (text, said) => {
    expect(mistakesIn(parseDockerfile(text), (path) => path !== 'gone')).toEqual([said])
  })
})
