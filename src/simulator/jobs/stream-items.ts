// What a worker yields becomes one item of `/stream`, unless it is larger than the platform lets
// through in one piece: then several, cut between characters. Only a text can be cut; what else is
// too large is cut as the JSON text that it is.

export function streamItems(value: unknown, maxBytes: number): unknown[] {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  // A UTF-16 unit takes three bytes at most: short texts need no counting.
  if (text === undefined || text.length * 3 <= maxBytes) return [value]
  if (Buffer.byteLength(text) <= maxBytes) return [value]
  return cut(Buffer.from(text), maxBytes)
}

function cut(bytes: Buffer, maxBytes: number): string[] {
  const pieces: string[] = []
  for (let from = 0; from < bytes.length; ) {
    const to = endOfCharacter(bytes, from, Math.min(from + maxBytes, bytes.length))
    pieces.push(bytes.toString('utf8', from, to))
    from = to
  }
  return pieces
}

/** The last offset up to `to` that is not inside a character. */
function endOfCharacter(bytes: Buffer, from: number, to: number): number {
  let end = to
  while (end > from && end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return end > from ? end : to
}
