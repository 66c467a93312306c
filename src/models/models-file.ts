// Reads `models.yaml`, which an operator writes. The whole file is checked before anything is
// changed. Each mistake is one line: where it is, what was given and what is allowed.
import { type Document, isNode, LineCounter, parseDocument } from 'yaml'
import type { z } from 'zod'
import { yamlValue } from '#config'
import { Fault } from '#domain'
import { entryOf, type ModelEntry, modelsFileSchema, type WrittenModel } from './models-schema.ts'

export interface ModelsFile {
  models: readonly ModelEntry[]
}

/** Has an upstream kind check a deployment's options: the mistakes, one line each. */
export type CheckDeployment = (kind: string, options: unknown) => string[]

export class ModelsFileMistakes extends Error {
  override readonly name = 'ModelsFileMistakes'
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[]) {
    super(mistakes.join('\n'))
    this.mistakes = mistakes
  }
}

interface Mistake {
  path: readonly PropertyKey[]
  text: string
}

export function readModelsFile(text: string, checkDeployment?: CheckDeployment): ModelsFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  if (document.errors.length > 0) {
    throw new ModelsFileMistakes(document.errors.map((error) => firstLineOf(error.message)))
  }
  const read = yamlValue(document)
  if ('mistake' in read) {
    throw new ModelsFileMistakes([`line ${lines.linePos(read.offset).line}: ${read.mistake}`])
  }
  const checked = checkModels(read.value, checkDeployment)
  if ('models' in checked) return checked
  throw new ModelsFileMistakes(
    checked.mistakes.map(({ path, text }) => {
      const { line } = lines.linePos(offsetOf(document, path))
      return `line ${line}, ${nameOf(path)}: ${text}`
    }),
  )
}

/** Reads the same from a request's body. The fault's parameter is that of the first mistake. */
export function readModelsValue(value: unknown, checkDeployment?: CheckDeployment): ModelsFile {
  const checked = checkModels(value, checkDeployment)
  if ('models' in checked) return checked
  const told = checked.mistakes.slice(0, mistakesToldMax)
  throw new Fault('bad_request', {
    message: told.map(({ path, text }) => `${nameOf(path)}: ${text}.`).join(' '),
    param: told[0] === undefined ? null : nameOf(told[0].path),
  })
}

const mistakesToldMax = 10

function checkModels(
  value: unknown,
  check: CheckDeployment = () => [],
): ModelsFile | { mistakes: Mistake[] } {
  const parsed = modelsFileSchema.safeParse(value, { reportInput: true })
  const mistakes = parsed.success
    ? mistakesBeyondShape(parsed.data.models, check)
    : parsed.error.issues.map((issue) => ({ path: issue.path, text: explained(issue) }))
  const isGood = parsed.success && mistakes.length === 0
  return isGood ? { models: parsed.data.models.map(entryOf) } : { mistakes }
}

function mistakesBeyondShape(models: readonly WrittenModel[], check: CheckDeployment): Mistake[] {
  const mistakes: Mistake[] = []
  /** Names that a client may ask for: an alias must not hide a model. */
  const modelNames = new Set<string>()
  const deploymentIds = new Set<string>()
  for (const [modelIndex, model] of models.entries()) {
    mistakes.push(...repeated(modelNames, model.id, ['models', modelIndex, 'id']))
    for (const [index, alias] of model.aliases.entries()) {
      mistakes.push(...repeated(modelNames, alias, ['models', modelIndex, 'aliases', index]))
    }
    for (const [index, deployment] of model.deployments.entries()) {
      const path = ['models', modelIndex, 'deployments', index]
      mistakes.push(...repeated(deploymentIds, deployment.id, [...path, 'id']))
      mistakes.push(...secretsIn(deployment.options, [...path, 'options']))
      for (const text of check(deployment.kind, deployment.options)) mistakes.push({ path, text })
    }
  }
  return mistakes
}

function repeated(seen: Set<string>, id: string, path: readonly PropertyKey[]): Mistake[] {
  if (seen.has(id)) return [{ path, text: `given ${id}, which already stands above` }]
  seen.add(id)
  return []
}

const secretName = /(key|secret|token|password|authorization)$/i

/** The registry is copied, backed up and shown, so it holds names of credentials only. */
function secretsIn(options: Record<string, unknown>, path: readonly PropertyKey[]): Mistake[] {
  return Object.entries(options)
    .filter(([option, value]) => secretName.test(option) || hasPassword(value))
    .map(([option]) => ({
      path: [...path, option],
      text: 'given a secret; allowed: the name of an environment variable, in apiKeyEnv',
    }))
}

/** `https://user:password@host` */
function hasPassword(value: unknown): boolean {
  if (typeof value !== 'string') return false
  const url = URL.parse(value)
  return url !== null && url.username + url.password !== ''
}

function explained(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `not known: ${issue.keys.join(', ')}`
  const given = issue.input === undefined ? 'nothing' : JSON.stringify(issue.input).slice(0, 60)
  const allowed = firstLineOf(issue.message)
    .replace(/^[\w ]+: expected /, 'allowed: ')
    .replace(/, received .*$/, '')
  return `given ${given}; ${allowed}`
}

/** The position of the value in the text, or of the nearest node around it that is there. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return 0
}

function nameOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the file'
  const parts = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
  return parts.join('').replace(/^\./, '')
}

function firstLineOf(text: string): string {
  return text.split('\n')[0]?.replace(/:$/, '') ?? ''
}
