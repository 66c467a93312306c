// The shapes of the first generation's shorthand: `{"choices":[{"tokens":[…]}],"usage":{…}}`, whole
// answers and batches of a stream alike.
import type { JsonObject } from '#domain'
import { isJsonObject } from '#wire'

export interface TokenShape {
  whole(answer: JsonObject): object
  /** The chunks of one batch. */
  streamed(chunks: readonly JsonObject[]): object
}

export function nativeShape(): TokenShape {
  let usage = { input: 0, output: 0 }

  function count(value: JsonObject): void {
    if (!isJsonObject(value.usage)) return
    const { prompt_tokens: input, completion_tokens: output } = value.usage
    usage = { input: Number(input), output: Number(output) }
  }

  return {
    whole(answer) {
      count(answer)
      return { choices: choicesOf(answer).map((choice) => ({ tokens: [textOf(choice)] })), usage }
    },
    streamed(chunks) {
      const tokens: string[][] = [[]]
      for (const chunk of chunks) {
        count(chunk)
        for (const choice of choicesOf(chunk)) {
          const at = Number(choice.index ?? 0)
          while (tokens.length <= at) tokens.push([])
          const text = textOf(choice)
          if (text !== '') tokens[at]?.push(text)
        }
      }
      return { choices: tokens.map((texts) => ({ tokens: texts })), usage }
    },
  }
}

function choicesOf(value: JsonObject): JsonObject[] {
  return Array.isArray(value.choices) ? value.choices.filter(isJsonObject) : []
}

/** Of a completion, a chat, or a chunk of one. */
function textOf(choice: JsonObject): string {
  const holders = [choice, choice.message, choice.delta].filter(isJsonObject)
  const texts = holders.flatMap(({ text, content }) => [text, content])
  return String(texts.find((text) => typeof text === 'string') ?? '')
}
