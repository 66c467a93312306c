// Pseudo-prose: sentences from a small list of words, one token each. It means nothing, reads
// harmlessly, and holds enough that is not ASCII to show a gateway that cuts inside a character.
import type { Chance } from './random.ts'

const words = (
  'river stone lantern garden morning harbour quiet copper window bridge winter orchard ' +
  'paper signal mountain silver letter kitchen engine market shadow forest candle island ' +
  'number railway feather summer ladder village compass thunder meadow station library ' +
  'café naïve Zürich señor'
).split(' ')
const links =
  'and the of a in with under over near from towards behind between every another that'.split(' ')
const verbs = (
  'keeps finds carries follows remembers opens crosses holds answers gathers turns brings ' +
  'leaves watches measures repairs'
).split(' ')
const rare = ['東', '京', '→', '🙂', '漢', '字', '🎉']

/** An endless text, token by token. */
export function proseTokens(chance: Chance): () => string {
  let sentence: string[] = []
  let at = 0
  let opening = true
  return () => {
    if (at === sentence.length) {
      sentence = sentenceTokens(chance, opening)
      opening = sentence.at(-1) === '\n\n'
      at = 0
    }
    at += 1
    return sentence[at - 1] ?? '.'
  }
}

/** Some words in a row, for values inside JSON. */
export function phrase(chance: Chance, count: number): string {
  return Array.from({ length: count }, () => chance.pick(words, 'river')).join(' ')
}

/** Words that could have stood instead of another, for `top_logprobs`. */
export function alternatives(chance: Chance, count: number): string[] {
  return Array.from({ length: count }, (_, at) => ` ${words[(chance.below(8) + at * 8) % 40]}`)
}

function sentenceTokens(chance: Chance, opening: boolean): string[] {
  const length = 7 + chance.below(9)
  const pause = 3 + chance.below(4)
  const tokens = [`${opening ? '' : ' '}${capitalised(wordAt(0, chance))}`]
  for (let at = 1; at < length; at += 1) {
    if (at === pause) tokens.push(',')
    tokens.push(` ${wordAt(at, chance)}`)
  }
  tokens.push('.')
  if (chance.next() < 0.12) tokens.push('\n\n')
  return tokens
}

function wordAt(at: number, chance: Chance): string {
  if (at > 0 && chance.next() < 0.02) return chance.pick(rare, '→')
  if (at % 3 === 1) return chance.pick(verbs, 'keeps')
  if (at % 3 === 2) return chance.pick(links, 'the')
  return chance.pick(words, 'river')
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
