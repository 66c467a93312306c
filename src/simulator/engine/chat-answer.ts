// A chat answer, whole and streamed, with vLLM's keys in vLLM's order; it writes its nulls. The
// text of each event is built from prefixes that are made once per stream: ten thousand events a
// second on one core leave no time for an object per event.
import { type AnswerHead, eventFrame, usageOf } from './answer-frame.ts'
import { doneEvent, type StreamDialect } from './event-writer.ts'
import { chatLogprobs, promptLogprobs } from './logprobs.ts'
import { type Plan, type ToolCall, textBetween } from './plan.ts'
import type { TextRequest } from './text-request.ts'
import { tokenId, tokenize } from './tokens.ts'

export function wholeChat(head: AnswerHead, request: TextRequest, plans: readonly Plan[]): string {
  const prompt = tokenize(request.prompts[0]?.text ?? '')
  const asked = request.promptLogprobs
  return JSON.stringify({
    id: head.id,
    object: 'chat.completion',
    created: head.createdSeconds,
    model: request.model,
    choices: plans.map((plan, index) => chatChoice(request, plan, index)),
    service_tier: null,
    system_fingerprint: head.fingerprint,
    usage: usageOf(head, request, plans),
    prompt_logprobs: asked === null ? null : promptLogprobs(prompt, asked),
    prompt_token_ids: request.returnTokenIds ? prompt.map(tokenId) : null,
    prompt_text: null,
    kv_transfer_params: null,
    ec_transfer_params: null,
    metrics: null,
  })
}

function chatChoice(request: TextRequest, plan: Plan, index: number) {
  const called = plan.tool !== null && plan.finish !== 'length' ? plan.tool : null
  const call = called && {
    id: called.id,
    type: 'function',
    function: { name: called.name, arguments: called.arguments },
  }
  return {
    index,
    message: {
      role: 'assistant',
      content: plan.text,
      refusal: null,
      annotations: null,
      audio: null,
      function_call: null,
      ...(call && { tool_calls: [call] }),
      reasoning: null,
    },
    logprobs: request.logprobs ? chatLogprobs(plan.pieces, request.topLogprobs) : null,
    finish_reason: plan.finish,
    stop_reason: plan.stopReason,
    token_ids: request.returnTokenIds ? plan.pieces.map(tokenId) : null,
    routed_experts: null,
  }
}

export function chatEvents(
  head: AnswerHead,
  request: TextRequest,
  plans: readonly Plan[],
): StreamDialect {
  const { start, lastPrint, running, usage } = eventFrame('chat.completion.chunk', head, request)
  const promptIds = request.returnTokenIds
    ? JSON.stringify(tokenize(request.prompts[0]?.text ?? '').map(tokenId))
    : 'null'
  return {
    start: (choice, prompt) =>
      `${start}{"index":${choice},"delta":{"role":"assistant","content":""},"logprobs":null,` +
      `"finish_reason":null}]${running(prompt, 0)},"prompt_token_ids":${promptIds},` +
      '"prompt_text":null}\n\n',
    chunk(choice, from, to, ends, counts) {
      const plan = plans[choice]
      if (plan === undefined) return null
      const delta = deltaOf(plan, from, to)
      if (delta === null && !ends) return null
      const finish = ends
        ? `"${plan.finish}","stop_reason":${JSON.stringify(plan.stopReason)}`
        : null
      return (
        `${start}{"index":${choice},"delta":${delta ?? '{}'},` +
        `"logprobs":${logprobsOf(request, plan, from, to)},"finish_reason":${finish},` +
        `"token_ids":${idsOf(request, plan, from, to)}}]` +
        `${running(counts.prompt, counts.completion)}${ends ? lastPrint : ''}}\n\n`
      )
    },
    usage,
    done: doneEvent,
  }
}

/** What the client sees of some tokens: their text, a part of a tool call, or nothing. */
function deltaOf(plan: Plan, from: number, to: number): string | null {
  if (plan.tool !== null) return toolDelta(plan, plan.tool, from, to)
  const text = to - from === 1 ? (plan.pieces[from] ?? '') : plan.pieces.slice(from, to).join('')
  return text === '' ? null : `{"content":${JSON.stringify(text)}}`
}

function toolDelta(plan: Plan, tool: ToolCall, from: number, to: number): string | null {
  const naming = tool.from - 1
  const text = textBetween(plan, tool, from, to)
  const named = from <= naming && naming < to
  if (!named && text === '') return null
  const parts: string[] = []
  if (named) {
    const id = JSON.stringify(tool.id)
    const name = JSON.stringify(tool.name)
    parts.push(`{"id":${id},"type":"function","index":0,"function":{"name":${name}}}`)
  }
  if (text !== '') parts.push(`{"index":0,"function":{"arguments":${JSON.stringify(text)}}}`)
  return `{"content":null,"tool_calls":[${parts.join(',')}]}`
}

function logprobsOf(request: TextRequest, plan: Plan, from: number, to: number): string {
  if (!request.logprobs || from >= plan.pieces.length) return 'null'
  return JSON.stringify(chatLogprobs(plan.pieces.slice(from, to), request.topLogprobs))
}

function idsOf(request: TextRequest, plan: Plan, from: number, to: number): string {
  if (!request.returnTokenIds) return 'null'
  return JSON.stringify(plan.pieces.slice(from, to).map(tokenId))
}
