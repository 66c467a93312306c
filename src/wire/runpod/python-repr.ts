// How Python writes a value with `repr`. The worker of RunPod's vLLM image reports its errors as
// the repr of a dict inside a JSON string, and vLLM's own validation errors are reprs too, so
// the simulator has to write them exactly.

/** A number that Python holds as a float: `1` is written `1.0`. */
export class PythonFloat {
  readonly value: number
  constructor(value: number) {
    this.value = value
  }
}

export function pythonRepr(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'string') return reprString(value)
  if (typeof value === 'number') {
    return Number.isInteger(value) ? BigInt(value).toString() : pythonFloat(value)
  }
  if (typeof value === 'bigint') return value.toString()
  if (value instanceof PythonFloat) return pythonFloat(value.value)
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`
  const members = Object.entries(value).map(([name, item]) => {
    return `${reprString(name)}: ${pythonRepr(item)}`
  })
  return `{${members.join(', ')}}`
}

/** A float as Python prints it: `1.0`, `0.5`, `1e+22`, `nan`. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
  }
  return Number.isInteger(value) ? `${value}.0` : String(value)
}

/** Single quotes, unless the text has one and no double quote; unprintable characters escaped. */
function reprString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  let out = quote
  for (const character of text) out += reprCharacter(character, quote)
  return out + quote
}

function reprCharacter(character: string, quote: string): string {
  if (character === quote || character === '\\') return `\\${character}`
  if (character === '\n') return '\\n'
  if (character === '\r') return '\\r'
  if (character === '\t') return '\\t'
  const code = character.codePointAt(0) ?? 0
  if (code < 0x20 || (code >= 0x7f && code < 0xa1) || code === 0xad) return `\\x${hex(code, 2)}`
  if (code >= 0xd800 && code < 0xe000) return `\\u${hex(code, 4)}`
  return character
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}
