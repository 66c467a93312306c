// Masks secrets in log lines. Known secrets are masked in every form that a library or a log viewer
// may have turned them into; texts that only look like a credential are masked too. Every log line
// passes here. Nearly none holds a secret, so that is checked first (1.5 µs for a call's line,
// however many secrets are known).
import { createAnyOf } from './any-of.ts'

const MASK = '[secret]'
const SECRETS_MAX = 1000
const LENGTH_MIN = 4

/** What credentials look like: bearer headers and the well-known prefixes of keys. */
const header = /(\b(?:bearer|basic)(?:\s|%20)+)[\w.~+/=-]{8,}/i
const prefixed = /\b(?:sk|pk|rpa|hf|ghp)[-_][\w-]{12,}/i
/** Both, to replace them. Asking for each alone first takes a third of the time. */
const lookalike = new RegExp(`${header.source}|${prefixed.source}`, 'gi')

const known = new Set<string>()
let knownForms: readonly string[] = []
let holdsKnown = createAnyOf(knownForms)

/** From now on these texts appear in no log line. */
export function maskSecrets(secrets: Iterable<string>): void {
  for (const secret of secrets) {
    if (secret.length < LENGTH_MIN) continue
    if (known.size >= SECRETS_MAX && !known.has(secret)) {
      throw new Error(`more than ${SECRETS_MAX} secrets to mask`)
    }
    known.add(secret)
  }
  // The longest first: one form may be part of another.
  knownForms = [...known].flatMap(formsOf).sort((one, other) => other.length - one.length)
  holdsKnown = createAnyOf(knownForms)
}

export function masked(text: string): string {
  let result = text
  if (holdsKnown(text)) for (const form of knownForms) result = result.replaceAll(form, MASK)
  if (!header.test(result) && !prefixed.test(result)) return result
  return result.replaceAll(lookalike, (_, scheme: string | undefined) => `${scheme ?? ''}${MASK}`)
}

function formsOf(secret: string): string[] {
  // A log line is JSON that may quote JSON, which may quote JSON again.
  const inJson = jsonEscaped(secret)
  const inJsonTwice = jsonEscaped(inJson)
  const plain = [secret, inJson, inJsonTwice, jsonEscaped(inJsonTwice)]
  const inUrl = encodeURIComponent(secret)
  const inForm = new URLSearchParams([['', secret]]).toString().slice(1)
  return [...new Set([...plain, inUrl, inUrl.toLowerCase(), inForm, ...base64Forms(secret)])]
}

function jsonEscaped(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

/** In the base64 of a longer text, a secret has one of three forms, by its offset. */
function base64Forms(secret: string): string[] {
  const bytes = Buffer.from(secret)
  if (bytes.length < LENGTH_MIN * 2) return []
  return [0, 1, 2].flatMap((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64url')
    // The first and last characters share their bits with the neighbours of the secret.
    const start = offset === 0 ? 0 : offset + 1
    const end = Math.floor(((offset + bytes.length) * 8) / 6)
    const inner = text.slice(start, end)
    return [inner, inner.replaceAll('-', '+').replaceAll('_', '/')]
  })
}
