// vLLM's running usage counts one choice and its prompt: the usage of a call is the sum of them.
import type { Call, Usage } from '#domain'
import { isJsonObject } from '#wire'

export class RunningCounts {
  readonly #call: Call
  readonly #completionByChoice = new Map<number, number>()
  readonly #promptByPrompt = new Map<number, number>()

  constructor(call: Call) {
    this.#call = call
  }

  /** The call's usage, now that this choice has told its own. */
  with(usage: Usage, choice: unknown): Usage | null {
    if (!isJsonObject(choice)) return null
    const { choices, prompts } = this.#call
    const index = Number(choice.index)
    this.#completionByChoice.set(index, usage.completionTokens)
    this.#promptByPrompt.set(Math.floor((index * prompts) / choices), usage.promptTokens)
    const completionTokens = sumOf(this.#completionByChoice)
    return { ...usage, promptTokens: sumOf(this.#promptByPrompt), completionTokens }
  }
}

function sumOf(counts: ReadonlyMap<number, number>): number {
  let sum = 0
  for (const count of counts.values()) sum += count
  return sum
}
