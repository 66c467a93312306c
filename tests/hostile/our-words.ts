// Everything that a client or the log may be told when an upstream fails, and the search for words
// that are not ours in it. The sentences stand here once more: a new one must be added on purpose.
import { expect } from 'vitest'

const sentences = [
  /^The model is at capacity\. Please try again shortly\.$/,
  /^The gateway could not use the model’s server\.$/,
  /^The gateway asked the model’s server for something that it does not have\.$/,
  /^The request is larger than the model’s server accepts\.$/,
  /^The model’s server took too long to begin its answer\.$/,
  /^The model’s server ended the call at a time limit of its own\.$/,
  /^The model’s server cannot be reached\.$/,
  /^The model’s server was lost before its answer was complete\.$/,
  /^The model’s server failed\.$/,
  /^The model’s server failed this request: it may be too long for the model, or ask for what the model does not support\.$/,
  /^A token id of the input is not in this model’s vocabulary\.$/,
  /^The schema or grammar that the output was asked to follow cannot be used\.$/,
  /^This model reads text only\.$/,
  /^This model does not offer so many dimensions\.$/,
  /^The model’s server gave an answer that (cannot be read|is not a chat completion)\.$/,
  /^The model’s server gave an empty answer\.$/,
  /^The model’s server refused the request as invalid( because of '[a-z_.\d]+')?\.$/,
  /^(This model's maximum context length is \d+ tokens|The request exceeds this model's maximum context length)\. Please shorten the input or ask for fewer tokens\.$/,
]

/** How many characters in a row are no accident. */
const windowLength = 12

export function expectOurSentence(message: string): void {
  expect(sentences.filter((sentence) => sentence.test(message))).toHaveLength(1)
}

/** Runs of the foreign text that stand in what was said, except where they are in ours as well. */
export function foreignRuns(said: string, foreign: string, ours: readonly string[]): string[] {
  const known = new Set(windowsOf(foreign))
  return windowsOf(said).filter((run) => known.has(run) && !ours.some((own) => own.includes(run)))
}

function windowsOf(text: string): string[] {
  const count = Math.max(0, text.length - windowLength + 1)
  return Array.from({ length: count }, (_, at) => text.slice(at, at + windowLength))
}

/** All texts in a value, however deep: a foreign body without its structure. */
export function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(textsIn)
}
