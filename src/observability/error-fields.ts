// An error as fields of a log line: enough to find the line of code, and nothing that a client or
// an upstream wrote. Foreign text may hold a prompt, so of a cause that is no Error only type and
// size are logged. The message of a SyntaxError quotes what could not be parsed: it is left out.

interface ErrorFields {
  type: string
  message?: string
  code?: string
  kind?: string
  stack?: string
  cause?: ErrorFields
}

const MESSAGE_MAX = 300
const STACK_LINES_MAX = 12
const CAUSES_MAX = 5

export function errorFields(error: unknown, depth = 0): ErrorFields {
  if (!(error instanceof Error)) return { type: kindAndSize(error) }
  const fields: ErrorFields = { type: error.name }
  if (!(error instanceof SyntaxError)) fields.message = cut(error.message)
  if ('code' in error && typeof error.code === 'string') fields.code = cut(error.code)
  if ('kind' in error && typeof error.kind === 'string') fields.kind = cut(error.kind)
  const stack = stackOf(error)
  if (stack !== '') fields.stack = stack
  const { cause } = error
  if (cause !== undefined && depth < CAUSES_MAX) fields.cause = errorFields(cause, depth + 1)
  return fields
}

function kindAndSize(value: unknown): string {
  if (typeof value === 'string') return `text of ${value.length}`
  if (value instanceof Uint8Array) return `bytes of ${value.length}`
  return value === null ? 'null' : typeof value
}

/** The frames only: the stack's first lines repeat the message. */
function stackOf(error: Error): string {
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return frames
    .slice(0, STACK_LINES_MAX)
    .map((line) => line.trim())
    .join('\n')
}

function cut(text: string): string {
  return text.length > MESSAGE_MAX ? `${text.slice(0, MESSAGE_MAX)}…` : text
}
