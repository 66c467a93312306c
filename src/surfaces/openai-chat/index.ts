// OpenAI's chat completions, the dialect of `POST /v1/chat/completions`.
import type { Call, CallFacts, Demand, JsonObject } from '#domain'
import { isEmptyArray, isJsonObject, isWrittenAs, type JsonChanges, type Pieces } from '#wire'
import { ChoicesEncoder } from '../choices-encoder.ts'
import { readBody } from '../read-body.ts'
import {
  addSequenceDemands,
  addTokenDemands,
  endUserHash,
  readModel,
  wantsUsage,
} from '../read-fields.ts'
import { checkOf, invalid } from '../rules.ts'
import { faultBody } from '../said-by-us.ts'
import type { Surface } from '../surface.ts'
import { askedBy, memberOf, noChanges } from '../to-upstream.ts'
import { measureChat } from './measure.ts'
import { readMessages } from './messages.ts'
import { chatAnswers, chatFields, structuralTag } from './rules.ts'
import { checkTools } from './tools.ts'

export const openaiChat: Surface = {
  name: 'openai-chat',
  ...askedBy('/v1/chat/completions', chatFields, withoutEmptyTools),
  read: readChat,
  encoder: (call) => new ChoicesEncoder(call, chatAnswers),
  fault: (fault) => faultBody(fault, chatAnswers.promptField),
}

const noTools: JsonChanges = new Map([
  ['tools', null],
  ['tool_choice', null],
])

/** vLLM refuses an empty list of tools, which OpenAI takes. Without tools, no choice is sent. */
function withoutEmptyTools({ body: { bytes, members } }: Call): JsonChanges {
  const tools = memberOf(members, 'tools')
  if (tools === undefined) return memberOf(members, 'tool_choice') ? noTools : noChanges
  return isEmptyArray(bytes, tools) || isWrittenAs(bytes, tools, 'null') ? noTools : noChanges
}

const checkRules = checkOf(chatFields.checked)

function* readChat(bytes: Buffer): Pieces<CallFacts> {
  const read = yield* readBody(bytes)
  const { value, body } = read
  const modelId = readModel(value.model)
  const demands: Demand[] = []
  readMessages(value.messages, demands)
  checkRules(read)
  checkTogether(value)
  checkTools(value)
  addTemplateDemands(value, demands)
  addFormatDemand(value, demands)
  addTokenDemands(value, chatFields.bounds, demands)
  const choices = typeof value.n === 'number' ? value.n : 1
  addSequenceDemands(1, choices, demands)
  return {
    modelId,
    stream: value.stream === true,
    wantsUsage: wantsUsage(value),
    choices,
    sequences: choices,
    prompts: 1,
    maxTokens: integerOr(value.max_completion_tokens) ?? integerOr(value.max_tokens),
    unnamedTokens: 'context',
    promptTokens: null,
    promptSize: measureChat(read),
    endUserHash: endUserHash(value),
    demands,
    body,
  }
}

/** Rules between two members. */
function checkTogether(value: JsonObject): void {
  if (typeof value.top_logprobs === 'number' && value.top_logprobs > 0 && value.logprobs !== true) {
    throw invalid('top_logprobs', "'top_logprobs' needs 'logprobs' to be true.")
  }
  if (isJsonObject(value.response_format)) checkSchema(value.response_format)
}

function checkSchema({ type, json_schema: schema }: JsonObject): void {
  if (type !== 'json_schema') return
  if (isJsonObject(schema) && typeof schema.name === 'string') return
  const param = 'response_format.json_schema'
  throw invalid(param, `'${param}' must be an object with a name.`)
}

/** A template's arguments change the prompt itself: each model says which are harmless. */
function addTemplateDemands({ chat_template_kwargs: given }: JsonObject, demands: Demand[]): void {
  if (!isJsonObject(given)) return
  for (const name of Object.keys(given)) {
    const isPlain = /^\w{1,64}$/.test(name)
    const param = isPlain ? `chat_template_kwargs.${name}` : 'chat_template_kwargs'
    demands.push({ wants: 'template-argument', param, name })
  }
}

function addFormatDemand({ response_format: format }: JsonObject, demands: Demand[]): void {
  if (!isJsonObject(format) || format.type !== structuralTag) return
  demands.push({ wants: 'dialect', param: 'response_format.type', dialect: 'vllm' })
}

function integerOr(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}
