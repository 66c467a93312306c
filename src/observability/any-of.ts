// Whether a text holds any of many others, which is asked of every log line: looking for each of
// them takes 0.1 µs, and ten secrets have 70 forms. A text of `length` or more characters, wherever
// it stands, covers four characters that begin at a place divisible by `length - 3`; so these
// places of the line are looked at, and only a text that has such four is looked for. In a line of
// 620 characters this takes 0.5 µs, against 2.6 µs for 3 secrets one by one and 8 to 13 for 14.

const groupLength = 4
/** With a shorter one, so many places would have to be looked at that looking for it is cheaper. */
const longMin = 12
const groupBits = 16

export function createAnyOf(texts: readonly string[]): (line: string) => boolean {
  const long = texts.filter((text) => text.length >= longMin)
  const short = texts.filter((text) => text.length < longMin)
  const length = Math.min(...long.map((text) => text.length))
  const step = length - groupLength + 1
  /** A bit for each group that there is: most places of a line are done with here. */
  const known = new Uint32Array(1 << (groupBits - 5))
  const textsByGroup = new Map<number, string[]>()
  for (const text of long) {
    for (let at = 0; at < step; at += 1) {
      const group = groupAt(text, at)
      known[group >>> 5] = (known[group >>> 5] ?? 0) | (1 << (group & 31))
      textsByGroup.set(group, [...(textsByGroup.get(group) ?? []), text])
    }
  }

  return (line) => {
    for (const text of short) if (line.includes(text)) return true
    if (long.length === 0) return false
    for (let at = 0; at + groupLength <= line.length; at += step) {
      const group = groupAt(line, at)
      if (((known[group >>> 5] ?? 0) & (1 << (group & 31))) === 0) continue
      if (textsByGroup.get(group)?.some((text) => line.includes(text))) return true
    }
    return false
  }
}

/** Four characters as a number: different ones may have the same. */
function groupAt(text: string, at: number): number {
  const number =
    (text.charCodeAt(at) << 12) ^
    (text.charCodeAt(at + 1) << 8) ^
    (text.charCodeAt(at + 2) << 4) ^
    text.charCodeAt(at + 3)
  return number & ((1 << groupBits) - 1)
}
