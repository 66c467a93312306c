// The bodies of 4 MB that take the most time to read, of each kind that was found: at the bounds of
// what is read, and beyond them. What a kind is about stands in a member that no rule knows.

export interface WorstBody {
  path: string
  text: string
  /** What the gateway answers. */
  status: 200 | 400
}

const bytes = 4_000_000
const byHandBytes = 262_144
const head = '{"model":"whole","messages":[{"role":"user","content":"hi"}]'
const completionsPath = '/v1/completions'
const embeddingsPath = '/v1/embeddings'

/* biome-ignore format: a table reads as a table */
const kinds: Record<string, () => WorstBody> = {
  'numbers, as many as may be':        () => passes(list(999_990, () => '123')),
  'numbers, more than may be':         () => refused(list(bytes / 2, () => '0')),
  'numbers with 17 digits':            () => passes(filled(() => '0.12345678901234567')),
  'numbers with exponents':            () => passes(filled(() => '2.2250738585072011e-308')),
  'a number of 4 MB':                  () => refused('1'.repeat(bytes)),
  'numbers behind a string':           () => passes(list(999_990, (at) => at === 0 ? '"ж"' : '123')),
  'numbers in a list of a member':     () => passes(`{"y":[${list(999_900, (at) => at === 0 ? '"ж"' : '123')}]}`),
  'numbers in 250 members':            () => members(250, () => list(bytes / 250 / 5, () => '1234')),
  'lists, as many as may be':          () => passes(list(99_990, () => '[0,1,2,3]')),
  'lists, empty':                      () => passes(list(99_990, () => '[]')),
  'objects of unseen names':           () => passes(list(49_990, (at) => `{"${unseen()}${at}":0}`)),
  'objects of two unseen names':       () => passes(list(24_990, (at) => `{"${unseen()}a${at}":0,"b${at}":0}`)),
  'one object of all names':           () => passes(object(49_990, (at) => `"${unseen()}${at}"`)),
  'names of 80 characters':            () => passes(object(45_000, (at) => `"${'k'.repeat(70)}${unseen()}${at}"`)),
  'names in escapes':                  () => passes(object(49_990, (at) => `"\\u006b${unseen()}${at}"`)),
  'names, more than may be':           () => refused(object(300_000, (at) => `"k${at}"`)),
  'deep, as often as may be':          () => passes(list(390, () => nested(250))),
  'deep, 4 MB of brackets':            () => refused(nested(bytes / 2)),
  'brackets in a string':              () => passes(`"${'['.repeat(bytes)}"`),
  'brackets, colons, quotes in one':   () => passes(`"${'\\"[:,'.repeat(bytes / 5)}"`),
  'backslashes':                       () => passes(`"${'\\\\'.repeat(bytes / 2)}"`),
  'escaped quotes':                    () => passes(`"${'\\"'.repeat(bytes / 2)}"`),
  'a string that does not end':        () => ({ ...passes(`"${'\\"'.repeat(bytes / 2)}`), status: 400 }),
  'pairs in escapes':                  () => passes(`"${'\\ud83d\\ude00'.repeat(bytes / 12)}"`),
  'half a pair behind all others':     () => refused(`"${'\\ud83d\\ude00'.repeat(bytes / 12)}\\ud83d"`),
  'short strings, as many as may be':  () => passes(list(99_980, (at) => `"${unseen()}${at}"`)),
  'short strings in a member':        () => passes(`{"y":${list(99_970, (at) => `"${unseen()}${at}"`)}}`),
  'short strings in escapes':          () => passes(list(99_980, (at) => `"\\u4e00${unseen()}${at}"`)),
  'strings of 1 KB':                   () => passes(filled(() => `"${'a'.repeat(1_000)}\\n"`)),
  'two bytes a character':             () => passes(filled(() => `"${'ж'.repeat(500)}"`)),
  'white space':                       () => passes(`${' '.repeat(bytes)}0`),
  'white space between numbers':       () => passes(filled(() => '    0    ')),
  'messages that look alike':          () => messages(() => '{"role":"user","content":"What is \\"new\\"?"}'),
  'messages with false seams':         () => messages(() => '{"role":"user","content":"},{\\"role\\""}'),
  'a token prompt':                    () => other(completionsPath, 'prompt', list(800_000, () => '1234')),
  'token prompts':                     () => other(completionsPath, 'prompt', list(1_000, () => list(980, () => '777'))),
  'embeddings of tokens':              () => other(embeddingsPath, 'input', list(2_048, () => list(480, () => '777'))),
  'read by hand: names':               () => byHand((at) => `"\\\\${at}":0`),
  'read by hand: strings':             () => byHand((at) => `"k":["","","","${at}"]`),
  'read by hand: numbers':             () => byHand(() => `"k":${list(100, () => '0')}`),
}

export const worstKinds = Object.keys(kinds)

/** Names that were not in the body before: V8 remembers those that it has seen. */
export function worstBody(kind: string): WorstBody {
  const make = kinds[kind]
  if (make === undefined) throw new Error(`there is no body ${kind}`)
  made += 1
  return make()
}

let made = 0

function unseen(): string {
  return `${made.toString(36)}_`
}

function passes(value: string): WorstBody {
  return { path: '/v1/chat/completions', text: `${head},"x":${value}}`, status: 200 }
}

function refused(value: string): WorstBody {
  return { ...passes(value), status: 400 }
}

function members(count: number, value: () => string): WorstBody {
  const more = Array.from({ length: count }, (_, at) => `"x${at}":${value()}`).join(',')
  return { ...passes(''), text: `${head},${more}}` }
}

function messages(message: () => string): WorstBody {
  const text = `{"model":"whole","messages":${list(24_900, message)}}`
  return { ...passes(''), text }
}

/** Of a route that the bench's model lacks: it is read, and refused then. */
function other(path: string, name: string, value: string): WorstBody {
  return { path, text: `{"model":"whole","${name}":${value}}`, status: 400 }
}

function byHand(member: (at: number) => string): WorstBody {
  const count = Math.floor((byHandBytes - 200) / (member(99_999).length + 1))
  const all = Array.from({ length: count }, (_, at) => member(at)).join(',')
  return passes(`{"a\\\\b":{${all}}}`)
}

function list(count: number, item: (at: number) => string): string {
  return `[${Array.from({ length: count }, (_, at) => item(at)).join(',')}]`
}

function filled(item: () => string): string {
  return list(Math.floor(bytes / (Buffer.byteLength(item()) + 1)), item)
}

function object(count: number, name: (at: number) => string): string {
  return `{${Array.from({ length: count }, (_, at) => `${name(at)}:0`).join(',')}}`
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth)
}
