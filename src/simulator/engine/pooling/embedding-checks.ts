// What vLLM's validation layer says about a request for embeddings. It tries seven kinds of request
// in turn, each with an `input` or with `messages`, and reports what each of them missed: one wrong
// field makes up to eleven lines.
import type { JsonObject } from '#domain'
import { invalid, literalError, type Mistake, missing, quoted } from '../refusal.ts'

interface RequestKind {
  field: 'input' | 'messages'
  /** Whether it looks at `encoding_format`. */
  isEncoded: boolean
  /** What is wrong with an input of another type. */
  wrongInput(loc: string, input: string): Mistake[]
  takesText: boolean
}

const listType = (loc: string, input: string): Mistake => {
  return { type: 'list_type', loc, msg: 'Input should be a valid list', input }
}
const stringType = (loc: string, input: string): Mistake => {
  return { type: 'string_type', loc, msg: 'Input should be a valid string', input }
}
const sequenceType = (loc: string, input: string): Mistake => {
  const msg = 'Input should be an instance of Sequence'
  return { type: 'is_instance_of', loc, msg, input, ctx: { class: 'Sequence' } }
}

const conversation: RequestKind = {
  field: 'messages',
  isEncoded: true,
  wrongInput: () => [],
  takesText: true,
}

const kinds: readonly RequestKind[] = [
  {
    field: 'input',
    isEncoded: true,
    wrongInput: (loc, input) => {
      const list = listType(loc, input)
      return [list, list, stringType(loc, input), list]
    },
    takesText: true,
  },
  conversation,
  conversation,
  conversation,
  {
    field: 'input',
    isEncoded: false,
    wrongInput: (loc, input) => [listType(loc, input)],
    takesText: false,
  },
  conversation,
  {
    field: 'input',
    isEncoded: true,
    wrongInput: (loc, input) => [sequenceType(loc, input)],
    takesText: true,
  },
]

const formatsExpected = "'float', 'base64', 'bytes' or 'bytes_only'"
const formats = ['float', 'base64', 'bytes', 'bytes_only']

export function checkEmbedding(body: JsonObject): void {
  const { input, messages, encoding_format: format } = body
  const hasInput = typeof input === 'string' || Array.isArray(input)
  const isFormatKnown = format === undefined || formats.includes(String(format))
  if (isFormatKnown && (hasInput || Array.isArray(messages))) return
  throw invalid(kinds.flatMap((kind) => mistakesOf(kind, body, isFormatKnown)))
}

function mistakesOf(kind: RequestKind, body: JsonObject, isFormatKnown: boolean): Mistake[] {
  const mistakes: Mistake[] = []
  if (!isFormatKnown && kind.isEncoded) {
    mistakes.push(literalError('body.encoding_format', formatsExpected, body.encoding_format))
  }
  const loc = `body.${kind.field}`
  const value = body[kind.field]
  if (value === undefined) {
    mistakes.push(missing(loc, body))
  } else if (!(Array.isArray(value) || (typeof value === 'string' && kind.takesText))) {
    mistakes.push(...kind.wrongInput(loc, quoted(value)))
  }
  return mistakes
}
