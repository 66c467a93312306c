// Writes one answer made of choices (chat, completions) for its client. Content passes untouched.
// The answer names the model that the client asked for, shows usage only to clients that asked for
// it, and the dialect's rules put the rest into OpenAI's shape. The encoder also knows whether the
// answer is complete, and how much of it was delivered.
import {
  type Call,
  type Chunk,
  type Fault,
  type JsonObject,
  noUsage,
  type Progress,
  type RepeatedChunk,
  type UpstreamEvent,
  type Usage,
} from '#domain'
import { type JsonChanges, parseObject, readUsage, sseComment, sseData, writeUsage } from '#wire'
import { type AnswerRule, needsMending, pinned, rewrite } from './answer-rules.ts'
import { AskedChoices } from './asked-choices.ts'
import type { ChoicesDialect } from './choices-dialect.ts'
import { type ChunkRewriter, createChunkRewriter } from './chunk-rewriter.ts'
import { withoutEnds } from './finish-reason.ts'
import { type ModelName, modelName, renamed } from './model-name.ts'
import { RepeatedChunks } from './repeated-chunks.ts'
import { RunningCounts } from './running-counts.ts'
import { badAnswer, failedEvent, heartbeat } from './said-by-us.ts'
import type { Encoder } from './surface.ts'

/** A class: as a dozen closures it took 2 KB of every call. */
export class ChoicesEncoder implements Encoder {
  readonly #call: Call
  readonly #dialect: ChoicesDialect
  readonly #model: ModelName
  readonly #choices: AskedChoices
  #chunks: ChunkRewriter | null = null
  #repeated: RepeatedChunks | null = null
  #runningCounts: RunningCounts | null = null
  #total: Usage | null = null
  #runningUsage: Usage | null = null
  #usageEvent: string | null = null
  #head: Head | null = null

  constructor(call: Call, dialect: ChoicesDialect) {
    this.#call = call
    this.#dialect = dialect
    this.#model = modelName(call.modelId)
    this.#choices = new AskedChoices(call, dialect)
  }

  take(event: UpstreamEvent): string | null {
    if (event.kind !== 'chunk' && event.kind !== 'whole') return null
    const { stream } = this.#call
    if (stream !== (event.kind === 'chunk')) {
      throw badAnswer(this.#dialect.what, `Asked for stream=${stream}, got a ${event.kind}.`)
    }
    return event.kind === 'chunk' ? this.#takeChunk(event) : this.#takeWhole(event)
  }

  heartbeat(progress: Progress): string {
    return heartbeat(progress)
  }

  isComplete(): boolean {
    return this.#choices.allEnded()
  }

  usage(): Usage {
    const known = this.#total ?? this.#runningUsage
    return known ?? { ...noUsage, completionTokens: this.#choices.saidCount }
  }

  end(note: string): string {
    return `${this.#usageEvent ?? this.#missingUsage()}${sseComment(note)}${sseData('[DONE]')}`
  }

  failed(fault: Fault): string {
    return failedEvent(fault, this.#dialect.promptField)
  }

  #takeChunk(event: Chunk | RepeatedChunk): string | null {
    // An empty chunk is no token. Only the long way below tells the two apart.
    if (event.mould !== undefined && event.content !== '') {
      const written = this.#repeated?.event(event) ?? null
      if (written !== null) return this.#takeRepeated(event, written)
    }
    let { text, value } = event
    const choices = this.#choices.listOf(value)
    if (choices.length === 0) {
      this.#takeUsage(text, value)
      return null
    }
    const saidBefore = this.#choices.saidCount
    const isEnd = this.#choices.judge(choices)
    const endedBefore = isEnd ? this.#choices.endAll(choices) : null
    if (endedBefore !== null) {
      text = withoutEnds(text, value, endedBefore)
      value = parseObject(text) ?? value
    }
    const usage = this.#runningUsageOf(value.usage, choices[0])
    this.#runningUsage = usage ?? this.#runningUsage
    this.#chunks ??= createChunkRewriter(this.#chunkChanges())
    const chunks = this.#chunks
    const rules = this.#rulesFor(value, this.#dialect.chunk)
    const write = (one: string) => sseData(chunks.rewrite(one, value, rules))
    // With several choices, each has counts of its own. An end comes once and is never repeated.
    const isAlone = choices.length === 1 && this.#call.choices === 1 && !isEnd
    if (event.mould !== undefined && isAlone && this.#choices.saidCount > saidBefore) {
      this.#repeated ??= new RepeatedChunks()
      this.#repeated.learn(event, usage, write)
    }
    return write(text)
  }

  #takeRepeated(chunk: RepeatedChunk, written: string): string {
    this.#choices.saidCount += 1
    this.#runningUsage = this.#repeated?.usage(chunk) ?? this.#runningUsage
    return written
  }

  /** Kept for the end: some send usage several times, or before the last choice has ended. */
  #takeUsage(text: string, value: JsonObject): void {
    const usage = readUsage(value.usage, 'reported')
    if (usage === null) return
    this.#total = usage
    if (!this.#call.wantsUsage) return
    // This chunk has no choices, so of a whole answer's rules only those for usage can apply.
    this.#usageEvent = sseData(this.#rewriteWhole(text, value))
  }

  #takeWhole({ text, value }: { text: string; value: JsonObject }): string {
    const choices = this.#choices.listOf(value)
    if (this.#choices.judge(choices)) this.#choices.endAll(choices)
    this.#total = readUsage(value.usage, 'reported')
    return this.#rewriteWhole(text, value)
  }

  #rewriteWhole(text: string, value: JsonObject): string {
    const rules = this.#rulesFor(value, this.#dialect.whole)
    if (needsMending(value, rules)) return rewrite(text, value, rules, this.#model.whole)
    const kept = renamed(text, value.model, this.#model)
    return kept ?? rewrite(text, value, rules, this.#model.whole)
  }

  #chunkChanges(): JsonChanges {
    const showsNull = this.#call.wantsUsage && this.#dialect.showsNullUsage
    return showsNull ? this.#model.chunkWithNull : this.#model.chunk
  }

  /** A part whose head differs, which is rare, gets rules that pin it to the first part's head. */
  #rulesFor(value: JsonObject, usual: readonly AnswerRule[]): readonly AnswerRule[] {
    this.#head ??= headOf(value, this.#call, this.#dialect)
    const { id, object, created } = this.#head
    if (value.id === id && value.object === object && value.created === created) return usual
    return [pinned('id', id), pinned('object', object), pinned('created', created), ...usual]
  }

  #runningUsageOf(given: unknown, choice: unknown): Usage | null {
    const usage = readUsage(given, 'running')
    if (usage === null || this.#call.choices === 1) return usage
    this.#runningCounts ??= new RunningCounts(this.#call)
    return this.#runningCounts.with(usage, choice)
  }

  #missingUsage(): string {
    const known = this.#total ?? this.#runningUsage
    if (!this.#call.wantsUsage || known === null) return ''
    const envelope = JSON.stringify(this.#head ?? headOf({}, this.#call, this.#dialect))
    const model = this.#model.json
    return sseData(
      `${envelope.slice(0, -1)},"model":${model},"choices":[],"usage":${writeUsage(known)}}`,
    )
  }
}

/** What all parts of an answer share: from the first part, or ours where that has none. */
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
