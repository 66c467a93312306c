// How large a body may be, by the operation that it is for, and how deep. What is beyond is refused
// before anything else has looked at it.

export const bodyMaxBytes = 30 * 1024 * 1024

const mebibyte = 1024 * 1024
/** Python, in which workers and vLLM are written, follows about as deep; a few thousand lists in
 * one another are more than `JSON.stringify` can bear. */
const depthMax = 1000
const [quote, backslash, brace, braceEnd] = [0x22, 0x5c, 0x7b, 0x7d]
/** What makes a bracket a brace: the two are one bit apart. */
const braceBit = 0x20

export interface PayloadOptions {
  readonly openaiBodyMaxBytes: number
}

/** Null: it is small enough; otherwise what the platform says. */
export function tooLarge(operation: string, bytes: number, options: PayloadOptions): string | null {
  const max = maxBytesOf(operation, options)
  return bytes <= max ? null : `exceeded max body size of ${written(max)}`
}

function maxBytesOf(operation: string, { openaiBodyMaxBytes }: PayloadOptions): number {
  if (operation === 'run' || operation === 'batch') return 10 * mebibyte
  if (operation === 'openai') return openaiBodyMaxBytes
  // A load balancer takes the most of all.
  return operation === 'balanced' ? bodyMaxBytes : 20 * mebibyte
}

function written(bytes: number): string {
  return bytes % mebibyte === 0 ? `${bytes / mebibyte}MiB` : `${bytes} bytes`
}

/** Whether more lists and objects stand in one another than anybody could mean. */
export function isTooDeep(body: Buffer): boolean {
  if (body.length <= depthMax) return false
  let depth = 0
  let isText = false
  for (let at = 0; at < body.length && depth <= depthMax; at += 1) {
    const byte = body[at] ?? 0
    if (byte === quote) isText = !isText
    else if (isText) at += byte === backslash ? 1 : 0
    else if ((byte | braceBit) === brace) depth += 1
    else if ((byte | braceBit) === braceEnd) depth -= 1
  }
  return depth > depthMax
}
