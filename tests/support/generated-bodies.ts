// Bodies that a client could send, the same in every run: names in escapes and given twice, values
// of any depth, integers of any length, odd content parts, and some that are no JSON. Half of them
// can be served.
import type { SurfaceName } from '#src/domain/index.ts'
import { type Random, seededRandom } from './seeded-random.ts'

export interface GeneratedBody {
  surface: SurfaceName
  bytes: Buffer
}

export function* generatedBodies(seed: number, count: number): Generator<GeneratedBody> {
  const random = seededRandom(seed)
  for (let made = 0; made < count; made += 1) yield new BodyWriter(random).body()
}

/** What members that are read may well hold. */
const goodValues: Record<string, readonly string[]> = {
  n: ['1', '2', 'null'],
  stream: ['true', 'false', 'null'],
  stream_options: ['null', '{"include_usage":true}'],
  temperature: ['0.5', '1', '1.0e0', 'null'],
  max_tokens: ['7', 'null'],
  user: ['"somebody"', 'null'],
  stop: ['"x"', '["x","y"]'],
  logit_bias: ['{"17":-100}', '{}'],
  seed: ['9223372036854775807', '-1', '9007199254740993'],
}

const freeNames = [
  ...[
    'x',
    'y',
    '',
    'é',
    '😀',
    '0',
    '7',
    '__proto__',
    'constructor',
    'toString',
    'b\\',
    'b\n',
    'b"',
  ],
  ...['metadata', 'priority', 'kv_transfer_params', 'cache_salt', 'vllm_xargs', 'chat_template'],
]

const innerNames = [...freeNames, ...Object.keys(goodValues), 'model', 'type', 'text', 'a', 'b']

const words = [
  'Hi',
  '',
  'é',
  '😀',
  '\\',
  '"',
  '\n',
  '[[{',
  '},{"role"',
  '":',
  '\u2028',
  'x'.repeat(60),
]

class BodyWriter {
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  body(): GeneratedBody {
    const surface = this.#pick(['openai-chat', 'openai-completions', 'embeddings'] as const)
    const members = this.#shuffled([
      this.#member('model', this.#quoted('test-model')),
      this.#prompt(surface),
      ...this.#several(4, () => this.#known()),
      ...this.#several(4, () => this.#free()),
    ])
    const text = `${this.#gap()}${this.#object(members)}${this.#gap()}`
    return { surface, bytes: Buffer.from(this.#isOneOf(25) ? this.#broken(text) : text) }
  }

  #prompt(surface: SurfaceName): string {
    if (surface === 'openai-chat') {
      return this.#member('messages', this.#list(this.#some(3, () => this.#message())))
    }
    const prompt = this.#isOneOf(3)
      ? this.#list(this.#some(5, () => String(this.#random(100_000))))
      : this.#quoted(`p${this.#pick(words)}`)
    return this.#member(surface === 'embeddings' ? 'input' : 'prompt', prompt)
  }

  #message(): string {
    const content = this.#isOneOf(2)
      ? this.#string()
      : this.#list(this.#some(4, () => this.#part()))
    const role = this.#pick(['user', 'user', 'system', 'assistant'])
    const members = [this.#member('role', this.#quoted(role)), this.#member('content', content)]
    return this.#object(this.#shuffled(members))
  }

  #part(): string {
    if (this.#isOneOf(12)) return this.#pick(['"bare"', '{"type":"text"}', '{}', this.#value(2)])
    const image = '{"url":"data:image/png;base64,AAAA","url":"data:image/png;base64,BBBB"}'
    const [type, name, value] = this.#isOneOf(8)
      ? ['image_url', 'image_url', image]
      : ['text', 'text', this.#string()]
    const members = [this.#member('type', this.#quoted(type)), this.#member(name, value)]
    if (this.#isOneOf(4)) members.push(this.#member('cache_control', this.#value(3)))
    // Given twice, the last one counts.
    if (this.#isOneOf(6)) members.unshift(this.#member(name, this.#value(1)))
    return this.#object(members)
  }

  #known(): string {
    const name = this.#pick(Object.keys(goodValues))
    const good = this.#pick(goodValues[name] ?? ['null'])
    return this.#member(name, this.#isOneOf(30) ? this.#value(2) : good)
  }

  #free(): string {
    return this.#member(this.#pick(freeNames), this.#value(4))
  }

  #value(depthMax: number): string {
    switch (this.#random(depthMax > 0 ? 12 : 5)) {
      case 0:
        return this.#pick(['null', 'true', 'false', '0', '-0', '1e400', '0.1000', '-1E-7', '1.5'])
      case 1:
        return this.#integer()
      case 2:
        return this.#isOneOf(40) ? '"\\ud83d"' : this.#string()
      case 3:
      case 4:
        return this.#string()
      case 5:
        return this.#deep()
      case 6:
        return this.#isOneOf(20) ? this.#large() : this.#integer()
      case 7:
        return this.#takenForAnother()
      case 8:
      case 9:
        return this.#list(this.#several(4, () => this.#value(depthMax - 1)))
      default: {
        const inner = () => this.#member(this.#pick(innerNames), this.#value(depthMax - 1))
        return this.#object(this.#several(5, inner))
      }
    }
  }

  /** Of up to 6 300 digits, more often short: Python reads 4 300. */
  #integer(): string {
    const length = Math.floor(10 ** (this.#random(3_800) / 1_000))
    const digits = Array.from({ length }, () => String(this.#random(10))).join('')
    return `${this.#pick(['', '-'])}${1 + this.#random(9)}${digits}`
  }

  /** 1 to 40 000 levels, more often few; sometimes in the first of two members of a name. */
  #deep(): string {
    const depth = Math.floor(10 ** (this.#random(4_603) / 1_000))
    const [open, close] = this.#pick([
      ['[', ']'],
      ['{"a":', '}'],
      ['[0,{"b":', '}]'],
    ] as const)
    const core = open.endsWith(':') ? '0' : ''
    const nested = `${open.repeat(depth)}${core}${close.repeat(depth)}`
    return this.#isOneOf(4) ? `{"d":${nested},"d":0}` : nested
  }

  /** For what is parsed in pieces. */
  #large(): string {
    const items = Array.from({ length: 12_000 }, () => String(this.#random(1_000_000)))
    if (this.#isOneOf(2)) items[this.#random(4)] = this.#string()
    return this.#isOneOf(3) ? this.#quoted('[{",: '.repeat(12_000)) : this.#list(items)
  }

  /** Of what begins in this way V8 takes the one name for the other. */
  #takenForAnother(): string {
    return `{"q7":1,"${this.#pick(['b\\\\', 'b\\n', 'b\\u0022', 'mode\\', 'mode\\u006c'])}":1}`
  }

  #string(): string {
    return this.#quoted(this.#several(3, () => this.#pick(words)).join(''))
  }

  /** As JSON, in which any character may be written as an escape. */
  #quoted(text: string): string {
    if (!this.#isOneOf(4)) return JSON.stringify(text)
    const chars = Array.from(text, (char) => (this.#isOneOf(2) ? escaped(char) : plain(char)))
    return `"${chars.join('')}"`
  }

  #member(name: string, value: string): string {
    return `${this.#gap()}${this.#quoted(name)}${this.#gap()}:${this.#gap()}${value}${this.#gap()}`
  }

  #object(members: readonly string[]): string {
    return `{${members.join(',')}}`
  }

  #list(items: readonly string[]): string {
    return `[${items.join(`${this.#gap()},${this.#gap()}`)}]`
  }

  #broken(text: string): string {
    const at = this.#random(text.length)
    const after = at + this.#random(3)
    return text.slice(0, at) + this.#pick(['', '"', ',', '\\', '}', '\0']) + text.slice(after)
  }

  #gap(): string {
    return this.#isOneOf(8) ? this.#pick([' ', '\n', '\t', '  ', '\r\n']) : ''
  }

  #isOneOf(count: number): boolean {
    return this.#random(count) === 0
  }

  #pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    const picked = list[this.#random(list.length)]
    if (picked === undefined) throw new Error('there is nothing to pick from')
    return picked
  }

  #several<T>(max: number, make: () => T): T[] {
    return Array.from({ length: this.#random(max) }, make)
  }

  #some<T>(max: number, make: () => T): T[] {
    return Array.from({ length: 1 + this.#random(max) }, make)
  }

  #shuffled(list: readonly string[]): string[] {
    return list
      .map((one) => ({ one, place: this.#random(1_000) }))
      .sort((a, b) => a.place - b.place)
      .map(({ one }) => one)
  }
}

function plain(char: string): string {
  return JSON.stringify(char).slice(1, -1)
}

function escaped(char: string): string {
  const units = Array.from({ length: char.length }, (_, at) => char.charCodeAt(at))
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}
