// Refusals that servers explain only in words. The client hears them in our words, with the
// parameter to change. Only beginnings are compared: further on, a text may repeat the prompt.

export interface KnownRefusal {
  message: string
  param: string | null
}

/** A server's name for its model, which clients must not see. */
const model = '[\\w./:@+-]{1,256}'

/* biome-ignore format: a table reads as a table */
const known: readonly [begins: RegExp, message: string, param: string | null][] = [
  [/^Token id \d{1,12} is out of vocabulary/, 'A token id of the input is not in this model’s vocabulary.', null],
  [/^Grammar error:/, 'The schema or grammar that the output was asked to follow cannot be used.', null],
  [new RegExp(`^${model} is not a multimodal model`), 'This model reads text only.', 'messages'],
  [new RegExp(`^Model "?'?${model}'?"? (only supports Matryoshka|does not support [Mm]atryoshka)`), 'This model does not offer so many dimensions.', 'dimensions'],
]

export function knownRefusal(text: string): KnownRefusal | null {
  const found = known.find(([begins]) => begins.test(text))
  return found === undefined ? null : { message: found[1], param: found[2] }
}
