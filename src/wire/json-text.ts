// Strings within JSON text. Jumping from quote to quote is what makes long prompts cheap.

const BACKSLASH = 92

/** The quote that ends the string which begins at `start`; -1 when there is none. */
export function closingQuote(text: string, start: number): number {
  let at = text.indexOf('"', start + 1)
  while (at !== -1 && isEscaped(text, at)) at = text.indexOf('"', at + 1)
  return at
}

export function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1
  return backslashes % 2 === 1
}
