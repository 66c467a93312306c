// `/v1/responses` as vLLM serves it: one message or one function call, whole or as a stream of
// named events that count themselves and end with `response.completed`, however the text ended.
import type { AnswerHead } from '../answer-frame.ts'
import type { StreamDialect } from '../event-writer.ts'
import { onlyPlan, type Plan, textBetween } from '../plan.ts'
import { promptTokens, type TextRequest } from '../text-request.ts'
import type { TextRoute } from '../text-route.ts'
import { tokensAfter } from '../usage.ts'
import { readResponses } from './responses-request.ts'

export const responsesRoute: TextRoute = {
  idPrefix: 'resp',
  idJoint: '_',
  read: readResponses,
  whole: (head, request, plans) => JSON.stringify(finished(head, request, plans)),
  events: responseEvents,
}

function finished(head: AnswerHead, request: TextRequest, plans: readonly Plan[]) {
  const plan = onlyPlan(plans)
  const isCut = plan.finish === 'length'
  const usage = usageOf(promptTokens(request), tokensAfter(plans, Number.POSITIVE_INFINITY))
  return response(head, request, {
    details: isCut ? { reason: 'max_output_tokens' } : null,
    output: [itemOf(head, plan, 'completed')],
    status: isCut ? 'incomplete' : 'completed',
    usage: head.hidesUsage ? null : usage,
  })
}

interface State {
  details: object | null
  output: readonly object[]
  status: string
  usage: object | null
}

function response(head: AnswerHead, request: TextRequest, state: State) {
  const { asked = {}, temperature } = request
  const tools = Array.isArray(asked.tools) ? asked.tools : []
  return {
    id: head.id,
    created_at: head.createdSeconds,
    incomplete_details: state.details,
    instructions: asked.instructions ?? null,
    metadata: asked.metadata ?? null,
    model: request.model,
    object: 'response',
    output: state.output,
    parallel_tool_calls: asked.parallel_tool_calls ?? true,
    temperature,
    tool_choice: tools.length === 0 ? 'none' : (asked.tool_choice ?? 'auto'),
    tools,
    top_p: asked.top_p ?? 1,
    background: false,
    max_output_tokens: request.maxTokens,
    max_tool_calls: asked.max_tool_calls ?? null,
    previous_response_id: null,
    prompt: null,
    reasoning: asked.reasoning ?? null,
    service_tier: 'auto',
    status: state.status,
    text: asked.text ?? null,
    top_logprobs: asked.top_logprobs ?? null,
    truncation: asked.truncation ?? 'disabled',
    usage: state.usage,
    user: asked.user ?? null,
    presence_penalty: 0,
    frequency_penalty: 0,
    kv_transfer_params: null,
    ec_transfer_params: null,
    input_messages: null,
    output_messages: null,
  }
}

function itemOf(head: AnswerHead, plan: Plan, status: 'in_progress' | 'completed') {
  const { tool } = plan
  const isWhole = status === 'completed'
  if (tool !== null && plan.finish !== 'length') {
    return {
      arguments: isWhole ? tool.arguments : '',
      call_id: tool.id.replace('chatcmpl-tool-', 'call_'),
      name: tool.name,
      type: 'function_call',
      id: `fc_${head.innerId}`,
      status,
    }
  }
  return {
    id: `msg_${head.innerId}`,
    content: isWhole ? [partOf(plan.text)] : [],
    role: 'assistant',
    status,
    type: 'message',
    phase: null,
  }
}

function partOf(text: string) {
  return { annotations: [], text, type: 'output_text', logprobs: null }
}

function responseEvents(
  head: AnswerHead,
  request: TextRequest,
  plans: readonly Plan[],
): StreamDialect {
  const plan = onlyPlan(plans)
  const call = plan.finish === 'length' ? null : plan.tool
  const item_id = `${call === null ? 'msg' : 'fc'}_${head.innerId}`
  const inItem = { item_id, output_index: 0 }
  const inPart = { ...inItem, content_index: 0 }
  const event = numberedEvents()
  let isOpen = false

  function opening(): string {
    if (isOpen) return ''
    isOpen = true
    const item = itemOf(head, plan, 'in_progress')
    const added = event('response.output_item.added', { item, output_index: 0 })
    if (call !== null) return added
    const part = { ...partOf(''), logprobs: [] }
    return added + event('response.content_part.added', { ...inPart, part })
  }

  function delta(text: string): string {
    const fields = { delta: text }
    if (call === null) {
      return event('response.output_text.delta', { ...inPart, ...fields, logprobs: [] })
    }
    return event('response.function_call_arguments.delta', { ...inItem, ...fields })
  }

  function closing(): string {
    const item = itemOf(head, plan, 'completed')
    const ended = () => event('response.output_item.done', { item, output_index: 0 })
    if (call !== null) {
      const whole = { ...inItem, arguments: call.arguments, name: call.name }
      return event('response.function_call_arguments.done', whole) + ended()
    }
    const part = partOf(plan.text)
    const text = { ...inPart, text: plan.text, logprobs: [] }
    const said = event('response.output_text.done', text)
    return said + event('response.content_part.done', { ...inPart, part }) + ended()
  }

  return {
    start() {
      const state = { details: null, output: [], status: 'in_progress', usage: null }
      const begun = { response: response(head, request, state) }
      return event('response.created', begun) + event('response.in_progress', begun)
    },
    chunk(_, from, to, ends) {
      const text = textBetween(plan, call, from, to)
      const shown = text === '' ? '' : opening() + delta(text)
      const all = ends && isOpen ? shown + closing() : shown
      return all === '' ? null : all
    },
    usage: () => null,
    done: () => event('response.completed', { response: finished(head, request, plans) }),
  }
}

/** Each event carries its number; their members are in the order of the alphabet. */
function numberedEvents(): (type: string, fields: object) => string {
  let number = 0
  return (type, fields) => {
    const members = Object.entries({ ...fields, sequence_number: number, type })
    number += 1
    members.sort(([one], [other]) => (one < other ? -1 : 1))
    return `event: ${type}\ndata: ${JSON.stringify(Object.fromEntries(members))}\n\n`
  }
}

function usageOf(input: number, output: number) {
  return {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: 0,
      cache_write_tokens: 0,
      input_tokens_per_turn: [],
      cached_tokens_per_turn: [],
    },
    output_tokens: output,
    output_tokens_details: {
      reasoning_tokens: 0,
      tool_output_tokens: 0,
      output_tokens_per_turn: [],
      tool_output_tokens_per_turn: [],
    },
    total_tokens: input + output,
  }
}
