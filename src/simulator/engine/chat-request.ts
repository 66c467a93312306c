// Reads a chat request, refusing in vLLM's order: contradictions between fields, then the fields'
// types, then the model, the messages and the context, then the bounds, at last the grammar.
import type { JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import { renderChat } from './chat-template.ts'
import { checkBounds, numberOr, refuseMistakes, typeMistakes } from './field-checks.ts'
import { checkMessages } from './message-mistakes.ts'
import { badRequest, badValue, checkModel, type Mistake, missing, quoted } from './refusal.ts'
import { checkGrammar, checkResponseFormat, checkTools, shapeOf } from './shape.ts'
import {
  checkLogprobsBound,
  checkStreamOptions,
  fitContext,
  type ModelProfile,
  sharedFields,
  type TextRequest,
} from './text-request.ts'
import { countTokens } from './tokens.ts'

export function readChat(body: JsonObject, model: ModelProfile, text: () => string): TextRequest {
  checkStreamOptions(body)
  checkLogprobs(body)
  checkTools(body)
  refuseMistakes([...messagesMistakes(body), ...typeMistakes(body, text)])
  checkResponseFormat(body)
  const messages = Array.isArray(body.messages) ? body.messages.filter(isJsonObject) : []
  checkMessages(Array.isArray(body.messages) ? body.messages : [])
  checkModel(body, model.name)
  checkConversation(messages, model)
  const prompt = renderChat(messages, Array.isArray(body.tools) ? body.tools : [])
  const field =
    typeof body.max_completion_tokens === 'number' ? 'max_completion_tokens' : 'max_tokens'
  const asked = body[field]
  const tokens = countTokens(prompt, model.contextTokens)
  const maxTokens = fitContext(
    model.contextTokens,
    tokens,
    typeof asked === 'number' ? asked : null,
    field,
  )
  checkBounds(body)
  checkLogprobsBound(numberOr(body.top_logprobs, 0), 'sample')
  const shape = shapeOf(body, messages)
  checkGrammar(shape)
  return {
    model: model.name,
    prompts: [{ text: prompt, tokens }],
    shape,
    maxTokens,
    ...sharedFields(body),
    logprobs: body.logprobs === true,
    topLogprobs: numberOr(body.top_logprobs, 0),
    echo: false,
    echoOnly: false,
  }
}

function checkLogprobs(body: JsonObject): void {
  const asked = body.top_logprobs
  if (typeof asked !== 'number' || asked === 0 || body.logprobs === true) return
  throw badValue('when using `top_logprobs`, `logprobs` must be set to true.', 'top_logprobs')
}

function messagesMistakes(body: JsonObject): Mistake[] {
  const loc = 'body.messages'
  if (body.messages === undefined) return [missing(loc, body)]
  if (Array.isArray(body.messages)) return []
  const msg = 'Input should be a valid list'
  return [{ type: 'list_type', loc, msg, input: quoted(body.messages) }]
}

const media = ['image_url', 'input_audio', 'audio_url', 'video_url', 'image_embeds']

function checkConversation(messages: readonly JsonObject[], model: ModelProfile): void {
  if (messages.length === 0) {
    throw badRequest(
      'Cannot apply chat template to an empty conversation. Provide at least one message.',
    )
  }
  for (const message of messages) {
    const parts = Array.isArray(message.content) ? message.content.filter(isJsonObject) : []
    if (parts.some((part) => media.includes(String(part.type)))) {
      throw badRequest(`${model.name} is not a multimodal model`)
    }
  }
}
