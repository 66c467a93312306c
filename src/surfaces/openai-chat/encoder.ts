// Writes one chat answer for its client. Content passes untouched; of the envelope, the model is
// the one that was asked for, usage is shown only to those who asked, and what belongs to the
// operator is left out. It remembers what an answer needs to be complete, and how much was
// delivered.
import { type Call, Fault, type JsonObject, noUsage, type UpstreamEvent, type Usage } from '#domain'
import {
  errorEnvelope,
  isJsonObject,
  type JsonChanges,
  readUsage,
  spliceMembers,
  sseComment,
  sseData,
  topLevelMembers,
  writeUsage,
} from '#wire'
import type { Encoder } from '../surface.ts'
import { answerStripped } from './rules.ts'

export function chatEncoder(call: Call): Encoder {
  const model = JSON.stringify(call.modelId)
  const changes: Map<string, string | null> = new Map(answerStripped.map((name) => [name, null]))
  const finished = new Set<number>()
  const running = new Map<number, number>()
  let total: Usage | null = null
  let runningUsage: Usage | null = null
  let countedEvents = 0
  let usageShown = false
  let head: { id: unknown; created: unknown } = { id: null, created: null }

  function rewrite(text: string, value: JsonObject, usage: string | null): string {
    changes.set('model', model)
    if (value.usage !== undefined && usage === 'keep') changes.delete('usage')
    else changes.set('usage', value.usage === undefined ? null : usage)
    return spliceMembers(text, topLevelMembers(text), changes as JsonChanges)
  }

  function countChoices(choices: readonly unknown[]): void {
    for (const choice of choices) {
      if (!isJsonObject(choice)) continue
      countedEvents += 1
      if (typeof choice.finish_reason !== 'string') continue
      refuseAborted(choice.finish_reason)
      finished.add(Number(choice.index))
    }
  }

  /** vLLM's running usage is each choice's own: a call's is the sum of its choices'. */
  function countRunning(value: JsonObject, choices: readonly unknown[]): void {
    const usage = readUsage(value.usage, 'running')
    const choice = choices[0]
    if (usage === null || !isJsonObject(choice)) return
    running.set(Number(choice.index), usage.completionTokens)
    let completionTokens = 0
    for (const tokens of running.values()) completionTokens += tokens
    runningUsage = { ...usage, completionTokens }
  }

  function takeChunk(text: string, value: JsonObject): string | null {
    const choices = Array.isArray(value.choices) ? value.choices : null
    if (choices === null) throw badAnswer('A chunk has no choices.')
    head = { id: value.id, created: value.created }
    if (choices.length === 0) {
      total = readUsage(value.usage, 'reported') ?? total
      if (!call.wantsUsage || total === null) return null
      usageShown = true
      return sseData(rewrite(text, value, 'keep'))
    }
    countChoices(choices)
    countRunning(value, choices)
    // OpenAI shows `usage: null` on every other chunk to those who asked for it.
    return sseData(rewrite(text, value, call.wantsUsage ? 'null' : null))
  }

  function takeWhole(text: string, value: JsonObject): string {
    const choices = Array.isArray(value.choices) ? value.choices : null
    if (choices === null) throw badAnswer('A whole answer has no choices.')
    countChoices(choices)
    total = readUsage(value.usage, 'reported')
    return rewrite(text, value, 'keep')
  }

  function take(event: UpstreamEvent): string | null {
    if (event.kind !== 'chunk' && event.kind !== 'whole') return null
    if (call.stream !== (event.kind === 'chunk')) {
      throw badAnswer(`Asked for stream=${call.stream}, got a ${event.kind}.`)
    }
    const { text, value } = event
    return call.stream ? takeChunk(text, value) : takeWhole(text, value)
  }

  function usage(): Usage {
    return total ?? runningUsage ?? { ...noUsage, completionTokens: countedEvents }
  }

  function missingUsage(): string {
    const known = total ?? runningUsage
    if (!call.wantsUsage || usageShown || known === null) return ''
    const { id, created } = head
    const envelope = JSON.stringify({ id, object: 'chat.completion.chunk', created })
    return sseData(
      `${envelope.slice(0, -1)},"model":${model},"choices":[],"usage":${writeUsage(known)}}`,
    )
  }

  return {
    take,
    usage,
    heartbeat: ({ phase, etaMs }) =>
      sseComment(`podgate ${phase}${etaMs === null ? '' : ` eta=${Math.ceil(etaMs / 1000)}s`}`),
    isComplete: () => finished.size >= call.choices,
    end: (note) => `${missingUsage()}${sseComment(note)}${sseData('[DONE]')}`,
    failed: (fault) => sseData(errorEnvelope(fault)),
  }
}

/** An engine that gave up calls it a finish reason; a client would take it for an answer. */
function refuseAborted(reason: string): void {
  if (reason !== 'abort' && reason !== 'error') return
  throw new Fault('upstream_cut', {
    message: 'The model’s server gave up in the middle of its answer.',
    started: 'yes',
  })
}

function badAnswer(cause: string): Fault {
  return new Fault('upstream_bad_answer', {
    message: 'The model’s server gave an answer that is not a chat completion.',
    cause,
    started: 'yes',
  })
}
