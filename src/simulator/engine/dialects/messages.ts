// `/v1/messages`, Anthropic's dialect, as vLLM serves it: a translation of chat in both directions.
// Its validation layer refuses in the usual form; everything else in a third one.
import type { JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import type { AnswerHead } from '../answer-frame.ts'
import { readChat } from '../chat-request.ts'
import { renderChat } from '../chat-template.ts'
import type { StreamDialect } from '../event-writer.ts'
import { onlyPlan, type Plan, textBetween } from '../plan.ts'
import { EngineRefusal, invalid, missing } from '../refusal.ts'
import { type ModelProfile, promptTokens, type TextRequest } from '../text-request.ts'
import type { TextRoute } from '../text-route.ts'
import { countTokens } from '../tokens.ts'
import { tokensAfter } from '../usage.ts'

export const messagesRoute: TextRoute = {
  idPrefix: 'chatcmpl',
  read: readMessages,
  whole: wholeMessage,
  events: messageEvents,
  refusal: inItsOwnForm,
}

const stopReasons = { stop: 'end_turn', length: 'max_tokens', tool_calls: 'tool_use' } as const

function readMessages(body: JsonObject, model: ModelProfile, text: () => string): TextRequest {
  const absent = ['model', 'messages', 'max_tokens'].filter((name) => body[name] === undefined)
  if (absent.length > 0) throw invalid(absent.map((name) => missing(`body.${name}`, body)))
  return readChat(toChat(body), model, text)
}

export function countMessages(body: JsonObject, model: ModelProfile): string {
  if (body.messages === undefined) throw invalid([missing('body.messages', body)])
  const chat = toChat(body)
  const tools = Array.isArray(chat.tools) ? chat.tools : []
  const messages = Array.isArray(chat.messages) ? chat.messages.filter(isJsonObject) : []
  const tokens = countTokens(renderChat(messages, tools), model.contextTokens)
  const counted = { input_tokens: tokens, context_management: { original_input_tokens: tokens } }
  return JSON.stringify(counted)
}

function toChat(body: JsonObject): JsonObject {
  const { system, messages, stop_sequences: stop, tools, tool_choice: choice, ...rest } = body
  const all = Array.isArray(messages) ? messages : messages === undefined ? [] : [messages]
  const first = system === undefined ? [] : [{ role: 'system', content: system }]
  return {
    ...rest,
    messages: [...first, ...all],
    ...(Array.isArray(stop) && { stop }),
    ...(Array.isArray(tools) && tools.length > 0 && { tools: tools.map(toTool) }),
    ...(isJsonObject(choice) && { tool_choice: toChoice(choice) }),
  }
}

function toTool(tool: unknown) {
  if (!isJsonObject(tool)) return tool
  const { name, description, input_schema: parameters } = tool
  return { type: 'function', function: { name, description, parameters } }
}

function toChoice(choice: JsonObject): unknown {
  if (choice.type === 'tool') return { type: 'function', function: { name: choice.name } }
  return choice.type === 'any' ? 'required' : choice.type
}

function wholeMessage(head: AnswerHead, request: TextRequest, plans: readonly Plan[]): string {
  const plan = onlyPlan(plans)
  const content: object[] = []
  const call = plan.finish === 'length' ? null : plan.tool
  if (plan.text !== '' || call === null) content.push({ type: 'text', text: plan.text })
  if (call !== null) {
    const input: unknown = JSON.parse(call.arguments)
    content.push({ type: 'tool_use', id: call.id, name: call.name, input })
  }
  return JSON.stringify({
    id: head.id,
    type: 'message',
    role: 'assistant',
    content,
    model: request.model,
    stop_reason: stopReasons[call === null ? plan.finish : 'tool_calls'],
    usage: usageOf(promptTokens(request), tokensAfter(plans, Number.POSITIVE_INFINITY)),
  })
}

function messageEvents(
  head: AnswerHead,
  request: TextRequest,
  plans: readonly Plan[],
): StreamDialect {
  const plan = onlyPlan(plans)
  const call = plan.tool
  let isOpen = false
  const blockStart = (): string => {
    if (isOpen) return ''
    isOpen = true
    const block = call
      ? { type: 'tool_use', id: call.id, name: call.name, input: {} }
      : { type: 'text', text: '' }
    return event('content_block_start', { content_block: block, index: 0 })
  }
  return {
    start(_, prompt) {
      const message = {
        id: head.id,
        type: 'message',
        role: 'assistant',
        content: [],
        model: request.model,
        stop_reason: null,
        stop_sequence: null,
        usage: usageOf(prompt, 0),
      }
      return event('message_start', { message })
    },
    chunk(_, from, to, ends) {
      const text = textBetween(plan, call, from, to)
      const delta = call
        ? { type: 'input_json_delta', partial_json: text }
        : { type: 'text_delta', text }
      const shown =
        text === '' ? '' : `${blockStart()}${event('content_block_delta', { delta, index: 0 })}`
      const stop = ends && isOpen ? event('content_block_stop', { index: 0 }) : ''
      return shown + stop === '' ? null : shown + stop
    },
    usage(prompt, completion) {
      const reason = stopReasons[call === null ? plan.finish : 'tool_calls']
      const delta = { stop_reason: reason, stop_sequence: null }
      return event('message_delta', { delta, usage: usageOf(prompt, completion) })
    },
    done: () => event('message_stop', {}),
  }
}

function event(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`
}

function usageOf(prompt: number, completion: number) {
  return { input_tokens: prompt, output_tokens: completion }
}

function inItsOwnForm(refusal: EngineRefusal): EngineRefusal {
  const { error } = JSON.parse(refusal.body) as { error?: { type: string; message: string } }
  if (error === undefined || error.type === 'Bad Request') return refusal
  const { type, message } = error
  return new EngineRefusal(
    refusal.status,
    JSON.stringify({ type: 'error', error: { type, message } }),
  )
}
