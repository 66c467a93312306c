// Keys and tokens: read apart, never part of the configuration, so that showing, logging or
// comparing configuration can never show one. The object that holds them shows only itself.
import { inspect } from 'node:util'
import { splitList } from './coerced.ts'
import { ConfigMistakes } from './mistakes.ts'

type Environment = Readonly<Record<string, string | undefined>>

const KEY_LENGTH_MIN = 16
const HIDDEN = '[secret]'

/** Getters over private state: neither spreading nor iterating finds anything to show. */
class SecretsOfEnvironment {
  readonly #env: ReadonlyMap<string, string>
  readonly #apiKeys: readonly string[]

  constructor(env: ReadonlyMap<string, string>, apiKeys: readonly string[]) {
    this.#env = env
    this.#apiKeys = apiKeys
  }

  /** Keys that are valid from the start. */
  get apiKeys(): readonly string[] {
    return this.#apiKeys
  }

  get adminKey(): string | null {
    return this.#env.get('API_ADMIN_KEY') ?? null
  }

  /** A secret by the name of its environment variable. */
  named(name: string): string | null {
    return this.#env.get(name) ?? null
  }

  /** The text of every secret, for the log's mask. */
  all(): readonly string[] {
    const single = [...this.#env].filter(([name]) => name !== 'API_KEYS').map(([, value]) => value)
    return [...this.#apiKeys, ...single]
  }

  toJSON(): string {
    return HIDDEN
  }

  toString(): string {
    return HIDDEN
  }

  [inspect.custom](): string {
    return HIDDEN
  }
}

export type Secrets = SecretsOfEnvironment

/** `declared`: names of further secrets, or patterns of whole names. */
export function readSecrets(env: Environment, declared: readonly (string | RegExp)[]): Secrets {
  const names = [...ownNames, ...declared]
  const found = new Map<string, string>()
  for (const [name, value] of Object.entries(env)) {
    if (isAmong(names, name) && value !== undefined && value !== '') found.set(name, value)
  }
  const apiKeys = splitList(found.get('API_KEYS') ?? '')
  const mistakes = apiKeys.flatMap((key, index) => ownMistakes(`API_KEYS, entry ${index + 1}`, key))
  for (const [name, value] of found) {
    if (name === 'API_ADMIN_KEY') mistakes.push(...ownMistakes(name, value))
    else if (name !== 'API_KEYS') mistakes.push(...headerMistakes(name, value))
  }
  if (mistakes.length > 0) throw new ConfigMistakes(mistakes)
  return new SecretsOfEnvironment(found, apiKeys)
}

const ownNames = ['API_KEYS', 'API_ADMIN_KEY', 'HF_TOKEN', 'OPENROUTER_API_KEY']

/** Whether a name is one of these names, or fits one of these patterns. */
export function isAmong(names: readonly (string | RegExp)[], name: string): boolean {
  return names.some((one) => (typeof one === 'string' ? one === name : one.test(name)))
}

/** Mistakes of a key that opens this gateway. They say how long the key is, never what it is. */
function ownMistakes(where: string, key: string): string[] {
  const mistakes: string[] = []
  if (key.length < KEY_LENGTH_MIN) {
    const given = `a key of ${key.length} characters was given`
    mistakes.push(`environment ${where}: ${given}; allowed: ${KEY_LENGTH_MIN} or more`)
  }
  return [...mistakes, ...headerMistakes(where, key)]
}

/** With a key that fits into no header the gateway would start, and then fail each call. */
function headerMistakes(where: string, key: string): string[] {
  if (isVisible(key)) return []
  // Such as the line break at the end of a file whose text became the variable.
  const what = isVisible(key.trim()) ? 'white space around it' : 'characters that no header carries'
  return [
    `environment ${where}: a key with ${what} was given; allowed: visible ASCII without spaces`,
  ]
}

function isVisible(key: string): boolean {
  return /^[\x21-\x7e]+$/.test(key)
}
