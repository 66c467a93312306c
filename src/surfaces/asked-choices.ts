// The choices that a call asked for: judges each choice of an answer, counts those that say
// something, and remembers which have ended.
import type { Call, JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import type { ChoicesDialect } from './choices-dialect.ts'
import { isFinished } from './finish-reason.ts'
import { badAnswer } from './said-by-us.ts'

export class AskedChoices {
  readonly #call: Call
  readonly #dialect: ChoicesDialect
  /** Only where several were asked for: of one, a number says whether it has ended. */
  #ended: Set<number> | null = null
  #endedCount = 0
  /** Parts that said something: as many tokens were generated, or more. */
  saidCount = 0

  constructor(call: Call, dialect: ChoicesDialect) {
    this.#call = call
    this.#dialect = dialect
  }

  allEnded(): boolean {
    return this.#endedCount >= this.#call.choices
  }

  listOf({ choices }: JsonObject): readonly unknown[] {
    if (Array.isArray(choices)) return choices
    const answer = this.#call.stream ? 'chunk' : 'whole answer'
    throw badAnswer(this.#dialect.what, `A ${answer} has no choices.`)
  }

  /** Whether any of them says that it has ended. Throws a Fault where one is no good. */
  judge(choices: readonly unknown[]): boolean {
    const call = this.#call
    const { what, isPart, isChoice, saysSomething } = this.#dialect
    // Several parts of one choice may share a chunk. A whole answer has no parts.
    if (!call.stream && choices.length > call.choices) {
      throw badAnswer(what, 'It has more choices than were asked for.')
    }
    let said = 0
    let anyEnds = false
    for (const choice of choices) {
      if (!isJsonObject(choice) || !this.#isAskedFor(choice.index)) {
        throw badAnswer(what, 'It has a choice that nobody asked for.')
      }
      if (!(call.stream ? isPart(choice) : isChoice(choice))) {
        throw badAnswer(what, 'A choice says nothing where it should.')
      }
      if ((choice.error ?? null) !== null) throw badAnswer(what, 'A choice holds an error.')
      if (!call.stream || saysSomething(choice)) said += 1
      const { finish_reason: reason = null } = choice
      if (reason === null) continue
      if (typeof reason !== 'string') throw badAnswer(what, 'A finish reason is no text.')
      if (isFinished(reason)) anyEnds = true
    }
    // Counted only now: where one choice is no good, none of the others reaches the client.
    this.saidCount += said
    return anyEnds
  }

  /** Notes which end here, and returns those that had ended before; null: there are none. */
  endAll(choices: readonly unknown[]): ReadonlySet<unknown> | null {
    let again: Set<unknown> | null = null
    for (const choice of choices) {
      if (!isJsonObject(choice) || !choice.finish_reason) continue
      if (this.#end(Number(choice.index))) continue
      again ??= new Set()
      again.add(choice)
    }
    return again
  }

  #isAskedFor(index: unknown): boolean {
    return Number.isInteger(index) && Number(index) >= 0 && Number(index) < this.#call.choices
  }

  /** Whether it is the choice's first end. */
  #end(index: number): boolean {
    const before = this.#endedCount
    if (this.#call.choices > 1) this.#ended ??= new Set()
    this.#endedCount = this.#ended?.add(index).size ?? 1
    return this.#endedCount > before
  }
}
