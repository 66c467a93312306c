// Reads a chat body into the facts of a call. Only what we act on is checked; the rest passes as it
// came, and the model's own server has the last word on it.
import type { CallFacts, Demand, JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import { readBody } from '../read-body.ts'
import { endUserHash, readModel, tokenDemands, wantsUsage } from '../read-fields.ts'
import { checkRules, invalid } from '../rules.ts'
import { readMessages } from './messages.ts'
import { chatFields } from './rules.ts'

export function readChat(bytes: Buffer): CallFacts {
  const read = readBody(bytes)
  const { value, body } = read
  const modelId = readModel(value.model)
  const media = readMessages(value.messages)
  checkRules(read, chatFields.checked)
  checkTogether(value)
  return {
    modelId,
    stream: value.stream === true,
    wantsUsage: wantsUsage(value),
    choices: typeof value.n === 'number' ? value.n : 1,
    prompts: 1,
    maxTokens: integerOr(value.max_completion_tokens) ?? integerOr(value.max_tokens),
    endUserHash: endUserHash(value),
    demands: [...media, ...templateDemands(value), ...tokenDemands(value, chatFields.bounds)],
    body,
  }
}

/** Rules between two members. */
function checkTogether(value: JsonObject): void {
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

/** A template's arguments change the prompt itself: each model says which are harmless. */
function templateDemands({ chat_template_kwargs: given }: JsonObject): Demand[] {
  if (!isJsonObject(given)) return []
  return Object.keys(given).map((name) => ({
    wants: 'template-argument',
    param: /^\w{1,64}$/.test(name) ? `chat_template_kwargs.${name}` : 'chat_template_kwargs',
    name,
  }))
}

function integerOr(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}
