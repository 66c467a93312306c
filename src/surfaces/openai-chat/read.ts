// Reads a chat body into the facts of a call. Only what we act on is checked; the rest passes as it
// came, and the model's own server has the last word on it.
import { createHash } from 'node:crypto'
import type { CallFacts, JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import { readBody } from '../read-body.ts'
import { checkRules, invalid } from '../rules.ts'
import { chatRules } from './rules.ts'

export function readChat(bytes: Buffer): CallFacts {
  const { value, body } = readBody(bytes)
  const modelId = readModel(value.model)
  readMessages(value.messages)
  checkRules(value, chatRules)
  checkTogether(value)
  return {
    modelId,
    stream: value.stream === true,
    wantsUsage: isJsonObject(value.stream_options) && value.stream_options.include_usage === true,
    choices: typeof value.n === 'number' ? value.n : 1,
    maxTokens: integerOr(value.max_completion_tokens) ?? integerOr(value.max_tokens),
    endUserHash: hashed(value.safety_identifier) ?? hashed(value.user),
    body,
  }
}

function readModel(model: unknown): string {
  if (typeof model === 'string' && model !== '') return model
  throw invalid('model', 'You must provide a model: a non-empty string.')
}

function readMessages(messages: unknown): void {
  if (messages === undefined) throw invalid('messages', "Missing required parameter: 'messages'.")
  if (!Array.isArray(messages) || messages.length === 0) {
    throw invalid('messages', "Invalid value for 'messages': expected a non-empty array.")
  }
  const wrong = messages.findIndex((one) => !isJsonObject(one) || typeof one.role !== 'string')
  if (wrong === -1) return
  throw invalid(`messages[${wrong}]`, `'messages[${wrong}]' must be an object with a role.`)
}

/** Rules between two members. */
function checkTogether(value: JsonObject): void {
  if (isJsonObject(value.stream_options) && value.stream !== true) {
    throw invalid('stream_options', "'stream_options' is only allowed when 'stream' is true.")
  }
  if (typeof value.top_logprobs === 'number' && value.top_logprobs > 0 && value.logprobs !== true) {
    throw invalid('top_logprobs', "'top_logprobs' needs 'logprobs' to be true.")
  }
  if (choosesTools(value.tool_choice) && !hasTools(value.tools)) {
    throw invalid('tool_choice', "'tool_choice' is only allowed when 'tools' are given.")
  }
}

function choosesTools(choice: unknown): boolean {
  return choice !== undefined && choice !== null && choice !== 'none' && choice !== 'auto'
}

function hasTools(tools: unknown): boolean {
  return Array.isArray(tools) && tools.length > 0
}

function integerOr(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

/** Enough to tell one end user of a key from another, and no way back to the name. */
function hashed(name: unknown): string | null {
  if (typeof name !== 'string' || name === '') return null
  return createHash('sha256').update(name).digest('hex').slice(0, 16)
}
