// Texts that must turn up nowhere, and the search for them in every form that a library, a log or a
// database could give them. Each has a plain core, which every escaping leaves as it is, and around
// it what escaping changes.

export interface Canary {
  name: string
  text: string
}

export function canary(name: string, before = '', after = ''): Canary {
  const core = `CANARY${name.replaceAll(/\W/g, '').toUpperCase()}7d1f`
  return { name, text: `${before}${core}${after}` }
}

/** Which of them are in these bytes, and in what form. */
export function found(canaries: readonly Canary[], bytes: Buffer | string): string[] {
  const haystack = Buffer.from(bytes)
  return canaries.flatMap(({ name, text }) =>
    Object.entries(formsOf(text))
      .filter(([, needle]) => haystack.includes(needle))
      .map(([form]) => `${name} as ${form}`),
  )
}

function formsOf(text: string): Record<string, string> {
  const core = /CANARY\w+7d1f/.exec(text)?.[0] ?? text
  const json = JSON.stringify(text).slice(1, -1)
  return {
    text,
    core,
    'its core in small letters': core.toLowerCase(),
    JSON: json,
    'JSON in JSON': JSON.stringify(json).slice(1, -1),
    URL: encodeURIComponent(text),
    form: new URLSearchParams([['', text]]).toString().slice(1),
    hex: Buffer.from(core).toString('hex'),
    ...base64Of(core),
  }
}

/** In each of the three places that a text can have in a base64. */
function base64Of(core: string): Record<string, string> {
  const places = [0, 1, 2].map((offset) => {
    const text = Buffer.from(`${'\0'.repeat(offset)}${core}`).toString('base64url')
    const start = offset === 0 ? 0 : offset + 1
    return [`base64 at ${offset}`, text.slice(start, Math.floor(((offset + core.length) * 8) / 6))]
  })
  return Object.fromEntries(places)
}
