// Walks over JSON text without parsing it: over white space, strings and whole values. It jumps
// from quote to quote, which makes long prompts cheap. Nothing is validated here: in text that is
// no JSON, a walk ends anywhere.

export const QUOTE = 34
export const COMMA = 44
export const COLON = 58
export const OPEN_BRACKET = 91
export const BACKSLASH = 92
export const CLOSE_BRACKET = 93
export const OPEN_BRACE = 123
export const CLOSE_BRACE = 125

export function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9
}

export function skipSpace(text: string, from: number): number {
  let at = from
  while (isSpace(text.charCodeAt(at))) at += 1
  return at
}

/** The quote that ends the string at `start`; -1: there is none. */
export function closingQuote(text: string, start: number): number {
  let at = text.indexOf('"', start + 1)
  while (at !== -1 && isEscaped(text, at)) at = nextQuote(text, at + 1)
  return at
}

/** Escaped quotes are often near each other, and one `indexOf` takes as long as ten steps. */
function nextQuote(text: string, from: number): number {
  let at = from
  while (at < from + 8) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return at
    at += code === BACKSLASH ? 2 : 1
  }
  return text.indexOf('"', at)
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1
  return backslashes % 2 === 1
}

/** One behind the string at `start`; the text's end when nothing closes the string. */
export function endOfString(text: string, start: number): number {
  const quote = closingQuote(text, start)
  return quote === -1 ? text.length : quote + 1
}

/** One behind the value at `start`. */
export function endOfValue(text: string, start: number): number {
  const first = text.charCodeAt(start)
  if (first === QUOTE) return endOfString(text, start)
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return endOfNested(text, start)
  let at = start
  while (at < text.length && !endsScalar(text.charCodeAt(at))) at += 1
  return at
}

function endsScalar(code: number): boolean {
  return code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET || isSpace(code)
}

function endOfNested(text: string, start: number): number {
  let depth = 0
  let at = start
  do {
    const code = text.charCodeAt(at)
    if (code === QUOTE) {
      at = endOfString(text, at)
      continue
    }
    if (code === OPEN_BRACE || code === OPEN_BRACKET) depth += 1
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth -= 1
    at += 1
  } while (depth > 0 && at < text.length)
  return at
}
