// The engine's answers as OpenAI writes them: without the members that are vLLM's own, and with
// those of OpenAI's that vLLM lacks.
import type { JsonObject } from '#domain'
import { isJsonObject, parseObject } from '#wire'
import { hashOf } from '../engine/random.ts'

export interface AnswerForm {
  readonly isChat: boolean
  /** `stream_options.include_usage`: every event has a member for it, null but in the last. */
  readonly includeUsage: boolean
}

/** A body that a fault has cut stays as it is. */
export function openaiAnswer(form: AnswerForm, body: string): string {
  const answer = parseObject(body)
  if (answer === null) return body
  const { usage } = answer
  return JSON.stringify({
    ...headOf(form, answer),
    choices: choicesOf(answer).map((choice) => wholeChoice(form, choice)),
    ...(isJsonObject(usage) && { usage: usageOf(usage) }),
  })
}

/** One event of a stream, but not `[DONE]`. */
export function openaiEvent(form: AnswerForm, event: string): string {
  const chunk = parseObject(event.replace(/^data: /, ''))
  if (chunk === null) return event
  const { usage } = chunk
  const counted = isJsonObject(usage) ? usageOf(usage) : null
  const value = {
    ...headOf(form, chunk),
    choices: choicesOf(chunk).map((choice) => chunkChoice(form, choice)),
    ...(form.includeUsage && { usage: counted }),
  }
  return `data: ${JSON.stringify(value)}\n\n`
}

function headOf({ isChat }: AnswerForm, { id, object, created, model }: JsonObject): JsonObject {
  const print = hashOf('fingerprint', String(model)).toString(16).padStart(10, '0')
  const tier = isChat ? { service_tier: 'default' } : {}
  return { id, object, created, model, ...tier, system_fingerprint: `fp_${print}` }
}

function choicesOf({ choices }: JsonObject): JsonObject[] {
  return Array.isArray(choices) ? choices.filter(isJsonObject) : []
}

function wholeChoice(form: AnswerForm, choice: JsonObject): JsonObject {
  if (!form.isChat) return completionChoice(choice)
  const { index, message, logprobs, finish_reason } = choice
  const { role, content, tool_calls } = isJsonObject(message) ? message : {}
  const calls = tool_calls === undefined ? {} : { tool_calls }
  const said = { role, content, ...calls, refusal: null, annotations: [] }
  return { index, message: said, logprobs, finish_reason }
}

function chunkChoice(form: AnswerForm, choice: JsonObject): JsonObject {
  if (!form.isChat) return completionChoice(choice)
  const { index, delta, logprobs, finish_reason } = choice
  const isFirst = isJsonObject(delta) && delta.role !== undefined
  const said = isFirst ? { ...delta, refusal: null } : delta
  return { index, delta: said, logprobs, finish_reason }
}

function completionChoice({ text, index, logprobs, finish_reason }: JsonObject): JsonObject {
  return { text, index, logprobs, finish_reason }
}

function usageOf({ prompt_tokens, completion_tokens, total_tokens }: JsonObject): JsonObject {
  return {
    prompt_tokens,
    completion_tokens,
    total_tokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  }
}
