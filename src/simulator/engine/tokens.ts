// A tokeniser of our own: no model's, but exact about itself. Every text has one way to be cut, the
// tokens joined are the text, and what the engine says in `usage` is the number of them.
import { hashOf } from './random.ts'

const forms = [
  /<\|im_(?:start|end)\|>/,
  / ?[A-Za-z\u00c0-\u024f]{1,12}/,
  /\d{1,3}/,
  / ?[^\sA-Za-z0-9\u00c0-\u024f]/,
  /\n+/,
  /\s/,
]
const pattern = new RegExp(forms.map((form) => form.source).join('|'), 'gu')

export function tokenize(text: string): string[] {
  return text.match(pattern) ?? []
}

/** The number of tokens, counted no further than `max + 1`: as vLLM does with long prompts. */
export function countTokens(text: string, max: number): number {
  pattern.lastIndex = 0
  let count = 0
  while (count <= max && pattern.test(text)) count += 1
  return count
}

/** The id that a token has in our vocabulary. */
export function tokenId(token: string): number {
  return hashOf(token) % 49_152
}
