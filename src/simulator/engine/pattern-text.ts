// A text that matches a simple regular expression: literals, classes, groups, alternatives and
// repetitions. Look-arounds and back-references are beyond a simulator and come out literally.
// Repetitions of repetitions multiply, so after so many atoms nothing is repeated any more.
import type { Chance } from './random.ts'

interface Reader {
  readonly pattern: string
  at: number
  readonly chance: Chance
  readonly left: { atoms: number }
}

const repeatMax = 32
const atomsMax = 10_000

export function textMatching(pattern: string, chance: Chance): string {
  const bare = pattern.replace(/^\^/, '').replace(/(?<!\\)\$$/, '')
  return alternatives({ pattern: bare, at: 0, chance, left: { atoms: atomsMax } })
}

function alternatives(reader: Reader): string {
  const options = [sequence(reader)]
  while (reader.pattern[reader.at] === '|') {
    reader.at += 1
    options.push(sequence(reader))
  }
  return reader.chance.pick(options, '')
}

function sequence(reader: Reader): string {
  let text = ''
  while (reader.at < reader.pattern.length && !'|)'.includes(reader.pattern[reader.at] ?? '')) {
    const start = reader.at
    const first = atom(reader)
    const end = reader.at
    const times = repetition(reader)
    const after = reader.at
    if (times > 0) text += first
    for (let time = 1; time < times && reader.left.atoms > 0; time += 1) {
      reader.at = start
      text += atom({ ...reader, pattern: reader.pattern.slice(0, end) })
    }
    reader.at = after
  }
  return text
}

function atom(reader: Reader): string {
  const character = reader.pattern[reader.at] ?? ''
  reader.at += 1
  reader.left.atoms -= 1
  if (character === '(') return group(reader)
  if (character === '[') return oneOfClass(reader)
  if (character === '\\') return escaped(reader)
  if (character === '.') return reader.chance.pick([...'abcdefgh'], 'a')
  return character
}

function group(reader: Reader): string {
  if (reader.pattern.startsWith('?:', reader.at)) reader.at += 2
  const text = alternatives(reader)
  reader.at += 1
  return text
}

function escaped(reader: Reader): string {
  const character = reader.pattern[reader.at] ?? ''
  reader.at += 1
  if (character === 'd') return String(reader.chance.below(10))
  if (character === 'w') return reader.chance.pick([...'abcdefgh'], 'a')
  if (character === 's') return ' '
  return character
}

function oneOfClass(reader: Reader): string {
  const end = reader.pattern.indexOf(']', reader.at + 1)
  const inside = reader.pattern.slice(reader.at, end === -1 ? undefined : end)
  reader.at = end === -1 ? reader.pattern.length : end + 1
  const members = inside
    .replace(/^\^/, '')
    .replace(/\\d/g, '0-9')
    .replace(/\\w/g, 'a-z')
    .replace(/(.)-(.)/g, (_, from: string, to: string) => between(from, to))
  const wanted = inside.startsWith('^')
    ? [...'abcdefghijklmnopqrstuvwxyz0123456789'].filter((one) => !members.includes(one))
    : [...members]
  return reader.chance.pick(wanted, 'a')
}

function between(from: string, to: string): string {
  let text = ''
  for (let code = from.charCodeAt(0); code <= to.charCodeAt(0); code += 1) {
    text += String.fromCharCode(code)
  }
  return text
}

function repetition(reader: Reader): number {
  const rest = reader.pattern.slice(reader.at)
  const counted = /^\{(\d+)(,(\d*))?\}/.exec(rest)
  const least = counted ? Number(counted[1]) : rest[0] === '+' ? 1 : 0
  if (counted) {
    reader.at += counted[0].length
    const most = counted[2] === undefined ? least : counted[3] ? Number(counted[3]) : least + 4
    return Math.min(least + reader.chance.below(most - least + 1), repeatMax)
  }
  if (rest[0] !== '*' && rest[0] !== '+' && rest[0] !== '?') return 1
  reader.at += 1
  return least + reader.chance.below(rest[0] === '?' ? 2 : 4)
}
