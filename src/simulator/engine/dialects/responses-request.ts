// Reads a request to `/v1/responses` as the conversation that it stands for. vLLM keeps no
// responses unless told to, so each request brings all that was said before.
import type { JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import { readChat } from '../chat-request.ts'
import { badRequest, checkModel, EngineRefusal, invalid, missing } from '../refusal.ts'
import type { ModelProfile, TextRequest } from '../text-request.ts'

export function readResponses(
  body: JsonObject,
  model: ModelProfile,
  text: () => string,
): TextRequest {
  if (body.input === undefined) {
    throw invalid([missing('body.input', body)])
  }
  checkModel(body, model.name)
  if (typeof body.previous_response_id === 'string') {
    throw unknownResponse(body.previous_response_id)
  }
  if (body.background === true) {
    throw badRequest('This vLLM engine does not support `store=True`.', 'background')
  }
  return { ...readChat(toChat(body), model, text), asked: body }
}

export function unknownResponse(id: string): EngineRefusal {
  const error = {
    message: `Response with id '${id}' not found.`,
    type: 'invalid_request_error',
    param: 'response_id',
    code: 404,
  }
  return new EngineRefusal(404, JSON.stringify({ error }))
}

function toChat(body: JsonObject): JsonObject {
  const { input, instructions, temperature, top_p, stream, model, seed } = body
  const first = typeof instructions === 'string' ? [{ role: 'system', content: instructions }] : []
  const said = typeof input === 'string' ? [{ role: 'user', content: input }] : itemsOf(input)
  const tools = Array.isArray(body.tools) ? body.tools.filter(isJsonObject) : []
  const format = isJsonObject(body.text) ? body.text.format : undefined
  return {
    model,
    messages: [...first, ...said],
    ...(temperature !== undefined && { temperature }),
    ...(top_p !== undefined && { top_p }),
    ...(seed !== undefined && { seed }),
    ...(stream === true && { stream }),
    ...(typeof body.max_output_tokens === 'number' && { max_tokens: body.max_output_tokens }),
    ...(tools.length > 0 && { tools: tools.map(toTool), tool_choice: toChoice(body.tool_choice) }),
    ...(isJsonObject(format) && { response_format: toFormat(format) }),
  }
}

function itemsOf(input: unknown): JsonObject[] {
  const items = Array.isArray(input) ? input.filter(isJsonObject) : []
  return items.map((item) => {
    if (item.type === 'function_call_output') return { role: 'tool', content: item.output }
    if (item.type !== 'function_call') return { role: item.role ?? 'user', content: item.content }
    const { name, arguments: given, call_id: id } = item
    const call = { id, type: 'function', function: { name, arguments: given } }
    return { role: 'assistant', content: null, tool_calls: [call] }
  })
}

function toTool({ name, description, parameters }: JsonObject) {
  return { type: 'function', function: { name, description, parameters } }
}

function toChoice(choice: unknown): unknown {
  if (!isJsonObject(choice)) return choice ?? 'auto'
  return { type: 'function', function: { name: choice.name } }
}

function toFormat(format: JsonObject) {
  if (format.type !== 'json_schema') return format
  const { name, schema, strict } = format
  return { type: 'json_schema', json_schema: { name, schema, strict } }
}
