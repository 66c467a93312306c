// Writes one answer made of choices (chat, completions) for its client. Content passes untouched;
// of the envelope, the model is the one that was asked for, usage is shown only to those who asked,
// and what OpenAI's shape lacks or adds is put right by the dialect's rules. It remembers what an
// answer needs to be complete, and how much was delivered.
import { type Call, type JsonObject, noUsage, type UpstreamEvent, type Usage } from '#domain'
import { isJsonObject, readUsage, sseComment, sseData, writeUsage } from '#wire'
import { type AnswerRule, pinned, rewrite } from './answer-rules.ts'
import { createChunkRewriter } from './chunk-rewriter.ts'
import { isFinished } from './finish-reason.ts'
import { badAnswer, failedEvent, heartbeat } from './said-by-us.ts'
import type { Encoder } from './surface.ts'

export interface ChoicesDialect {
  /** For the client: "an answer that is not …". */
  what: string
  /** The member that holds what the model reads. */
  promptField: string
  chunkObject: string
  wholeObject: string
  idPrefix: string
  /** Chunks before the last say `usage: null` to those who asked for it. */
  showsNullUsage: boolean
  /** Whether a choice of a chunk, or of a whole answer, says something in its own place. */
  isPart(choice: JsonObject): boolean
  isChoice(choice: JsonObject): boolean
  chunk: readonly AnswerRule[]
  whole: readonly AnswerRule[]
}

export function choicesEncoder(call: Call, dialect: ChoicesDialect): Encoder {
  const model = JSON.stringify(call.modelId)
  const named = new Map([['model', model]])
  const hiddenUsage = call.wantsUsage && dialect.showsNullUsage ? 'null' : null
  const chunks = createChunkRewriter(new Map([...named, ['usage', hiddenUsage]]))
  const finished = new Set<number>()
  const countUsage = createRunningUsage(call)
  let total: Usage | null = null
  let runningUsage: Usage | null = null
  let countedEvents = 0
  let usageEvent: string | null = null
  let head: Head | null = null

  function countChoices(choices: readonly unknown[]): void {
    // Several parts of one choice may share a chunk. A whole answer has no parts.
    if (!call.stream && choices.length > call.choices) {
      throw badAnswer(dialect.what, 'It has more choices than were asked for.')
    }
    for (const choice of choices) {
      if (!isJsonObject(choice) || !isAskedFor(choice.index)) {
        throw badAnswer(dialect.what, 'It has a choice that nobody asked for.')
      }
      if (!(call.stream ? dialect.isPart(choice) : dialect.isChoice(choice))) {
        throw badAnswer(dialect.what, 'A choice says nothing where it should.')
      }
      countedEvents += 1
      const { finish_reason: reason = null } = choice
      if (reason === null) continue
      if (typeof reason !== 'string') throw badAnswer(dialect.what, 'A finish reason is no text.')
      if (isFinished(reason)) finished.add(Number(choice.index))
    }
  }

  function isAskedFor(index: unknown): boolean {
    return Number.isInteger(index) && Number(index) >= 0 && Number(index) < call.choices
  }

  function takeChunk(text: string, value: JsonObject): string | null {
    const choices = choicesOf(value, 'A chunk has no choices.')
    if (choices.length === 0) {
      takeUsage(text, value)
      return null
    }
    countChoices(choices)
    runningUsage = countUsage(value.usage, choices[0]) ?? runningUsage
    return sseData(chunks.rewrite(text, value, rulesFor(value, dialect.chunk)))
  }

  /** Kept for the end: some say it several times, or before the last choice has finished. */
  function takeUsage(text: string, value: JsonObject): void {
    const usage = readUsage(value.usage, 'reported')
    if (usage === null) return
    total = usage
    if (!call.wantsUsage) return
    // It has no choices, and of a whole answer's rules only those of its usage can apply.
    usageEvent = sseData(rewrite(text, value, rulesFor(value, dialect.whole), named))
  }

  function takeWhole(text: string, value: JsonObject): string {
    countChoices(choicesOf(value, 'A whole answer has no choices.'))
    total = readUsage(value.usage, 'reported')
    return rewrite(text, value, rulesFor(value, dialect.whole), named)
  }

  /** The rules for what all parts of an answer share are made for the rare one that differs. */
  function rulesFor(value: JsonObject, usual: readonly AnswerRule[]): readonly AnswerRule[] {
    head ??= headOf(value, call, dialect)
    const { id, object, created } = head
    if (value.id === id && value.object === object && value.created === created) return usual
    return [pinned('id', id), pinned('object', object), pinned('created', created), ...usual]
  }

  function choicesOf({ choices }: JsonObject, cause: string): readonly unknown[] {
    if (Array.isArray(choices)) return choices
    throw badAnswer(dialect.what, cause)
  }

  function take(event: UpstreamEvent): string | null {
    if (event.kind !== 'chunk' && event.kind !== 'whole') return null
    if (call.stream !== (event.kind === 'chunk')) {
      throw badAnswer(dialect.what, `Asked for stream=${call.stream}, got a ${event.kind}.`)
    }
    const { text, value } = event
    return call.stream ? takeChunk(text, value) : takeWhole(text, value)
  }

  function missingUsage(): string {
    const known = total ?? runningUsage
    if (!call.wantsUsage || known === null) return ''
    const envelope = JSON.stringify(head ?? headOf({}, call, dialect))
    return sseData(
      `${envelope.slice(0, -1)},"model":${model},"choices":[],"usage":${writeUsage(known)}}`,
    )
  }

  return {
    take,
    heartbeat,
    usage: () => total ?? runningUsage ?? { ...noUsage, completionTokens: countedEvents },
    isComplete: () => finished.size >= call.choices,
    end: (note) => `${usageEvent ?? missingUsage()}${sseComment(note)}${sseData('[DONE]')}`,
    failed: (fault) => failedEvent(fault, dialect.promptField),
  }
}

/** What every part of an answer shares: as the first part says it, and ours where it forgot. */
interface Head {
  id: string
  object: string
  created: number
}

function headOf({ id, created }: JsonObject, call: Call, dialect: ChoicesDialect): Head {
  return {
    id: typeof id === 'string' && id !== '' ? id : `${dialect.idPrefix}-${call.id}`,
    object: call.stream ? dialect.chunkObject : dialect.wholeObject,
    created: Number.isSafeInteger(created) ? Number(created) : Math.floor(call.receivedAtMs / 1000),
  }
}

/** vLLM's running usage is each choice's own, of its own prompt: a call's is the sum of them. */
function createRunningUsage({ choices, prompts }: Call) {
  const completionByChoice = new Map<number, number>()
  const promptByPrompt = new Map<number, number>()
  return (given: unknown, choice: unknown): Usage | null => {
    const usage = readUsage(given, 'running')
    if (choices === 1) return usage
    if (usage === null || !isJsonObject(choice)) return null
    const index = Number(choice.index)
    completionByChoice.set(index, usage.completionTokens)
    promptByPrompt.set(Math.floor((index * prompts) / choices), usage.promptTokens)
    const completionTokens = sumOf(completionByChoice)
    return { ...usage, promptTokens: sumOf(promptByPrompt), completionTokens }
  }
}

function sumOf(counts: ReadonlyMap<number, number>): number {
  let sum = 0
  for (const count of counts.values()) sum += count
  return sum
}
