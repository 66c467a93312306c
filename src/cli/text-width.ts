// How wide a text is on a terminal, and its beginning of a given width. People's names hold more
// than Latin letters: what a reader sees as one character (a grapheme) is never cut in two, and
// East Asian characters and emoji take two columns.

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** The blocks that Unicode's East Asian Width calls wide or fullwidth; emoji are asked apart. */
const wide = new RegExp(
  '^[\\u1100-\\u115f\\u2e80-\\u303e\\u3041-\\u4dbf\\u4e00-\\ua4cf\\ua960-\\ua97c\\uac00-\\ud7a3' +
    '\\uf900-\\ufaff\\ufe30-\\ufe6f\\uff01-\\uff60\\uffe0-\\uffe6' +
    '\\u{16fe0}-\\u{18d08}\\u{1aff0}-\\u{1b2fb}\\u{20000}-\\u{3fffd}]',
  'u',
)
/** An emoji by itself, by the selector that makes one (U+FE0F), or as two letters of a flag. */
const emoji = /^(?:\p{Emoji_Presentation}|\p{Emoji}.*\ufe0f|\p{RI}{2})/u
const empty = /^[\p{Mark}\p{Cf}\p{Cc}]+$/u

export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment)
  return width
}

/** The whole text if it fits; otherwise as much of it as does, with a sign of the cut. */
export function cutTo(text: string, widthMax: number): string {
  if (widthOf(text) <= widthMax) return text
  let kept = ''
  let left = widthMax - 1
  for (const { segment } of graphemes.segment(text)) {
    left -= graphemeWidth(segment)
    if (left < 0) break
    kept += segment
  }
  return `${kept}…`
}

function graphemeWidth(grapheme: string): number {
  if (empty.test(grapheme)) return 0
  return wide.test(grapheme) || emoji.test(grapheme) ? 2 : 1
}

/**
 * Names are given by people: none may steer the terminal, or turn its line around (U+202E). Joiners
 * stay, of which some scripts and many emoji are made.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '�')
}
