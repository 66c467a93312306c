// Log probabilities: made up, but the same for the same token, falling from the chosen token to its
// rivals, and in the two forms that vLLM writes (chat's list of objects, completions' four lists).
import { alternatives } from './prose.ts'
import { chanceFrom, hashOf } from './random.ts'
import { tokenId } from './tokens.ts'

interface Rated {
  token: string
  logprob: number
}

/** The token first, then `count - 1` others, each less likely. */
function rated(token: string, count: number): Rated[] {
  const chance = chanceFrom(hashOf(token, 'logprob'))
  const tokens = [token, ...alternatives(chance, Math.max(0, count - 1))]
  let logprob = -0.01 - chance.next()
  return tokens.map((one) => {
    const entry = { token: one, logprob }
    logprob -= 0.3 + chance.next()
    return entry
  })
}

export function chatLogprobs(tokens: readonly string[], top: number) {
  const content = tokens.map((token) => {
    const entries = rated(token, top).map(withBytes)
    const own = withBytes(rated(token, 1)[0] ?? { token, logprob: 0 })
    return { ...own, top_logprobs: top > 0 ? entries : [] }
  })
  return { content }
}

/** `echoed`: tokens of the prompt in front, of which nothing came before the first. */
export function completionLogprobs(
  made: readonly string[],
  top: number,
  offset: number,
  echoed: readonly string[] = [],
) {
  let at = offset
  const tokens = [...echoed, ...made]
  const offsets = tokens.map((token) => {
    const start = at
    at += token.length
    return start
  })
  const entries = tokens.map((token, index) => {
    return index === 0 && echoed.length > 0 ? null : rated(token, Math.max(1, top))
  })
  return {
    text_offset: offsets,
    token_logprobs: entries.map((one) => one && (one[0]?.logprob ?? 0)),
    tokens,
    top_logprobs: entries.map((one) => {
      return one && Object.fromEntries(one.map((rival) => [rival.token, rival.logprob]))
    }),
  }
}

/** For each token of the prompt but the first: its own id and, where it fits, the likeliest. */
export function promptLogprobs(tokens: readonly string[], top: number) {
  return tokens.map((token, at) => {
    if (at === 0) return null
    return Object.fromEntries(
      rated(token, Math.max(1, top)).map((one, rank) => [
        String(tokenId(one.token)),
        { logprob: one.logprob, rank: rank + 1, decoded_token: one.token },
      ]),
    )
  })
}

function withBytes({ token, logprob }: Rated) {
  return { token, logprob, bytes: [...Buffer.from(token)] }
}
