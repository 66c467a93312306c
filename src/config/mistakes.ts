// All that is wrong with a configuration, at once: one line for each mistake, which says where it
// is, what was given and what is allowed. Fixing settings one restart at a time is a bad evening.

export class ConfigMistakes extends Error {
  override readonly name = 'ConfigMistakes'
  readonly lines: readonly string[]

  constructor(lines: readonly string[]) {
    super(lines.join('\n'))
    this.lines = lines
  }
}

const SHOWN_MAX = 60

/** A given value as a person would write it, not longer than a line bears. */
export function shown(value: unknown): string {
  if (value === undefined) return 'missing'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text
}
