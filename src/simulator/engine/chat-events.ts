// A streamed chat answer: the text of each event, built from prefixes that are made once per
// stream. Ten thousand events a second on one core leave no time for an object per event.
import type { AnswerHead } from './chat-answer.ts'
import { doneEvent, type StreamDialect } from './event-writer.ts'
import { chatLogprobs } from './logprobs.ts'
import type { Plan } from './plan.ts'
import type { TextRequest } from './text-request.ts'
import { tokenId, tokenize } from './tokens.ts'
import { finalUsage, runningUsage } from './usage.ts'

export function chatEvents(
  head: AnswerHead,
  request: TextRequest,
  plans: readonly Plan[],
): StreamDialect {
  const start =
    `data: {"id":${JSON.stringify(head.id)},"object":"chat.completion.chunk",` +
    `"created":${head.createdSeconds},"model":${JSON.stringify(request.model)},"choices":[`
  const print = `,"system_fingerprint":"${head.fingerprint}"`
  const continuous = request.continuousUsage && !head.hidesUsage
  const final = request.includeUsage && !head.hidesUsage
  const running = (prompt: number, done: number) =>
    continuous ? `,"usage":${runningUsage(prompt, done)}` : ''
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
        `${running(counts.prompt, counts.completion)}${ends && !final ? print : ''}}\n\n`
      )
    },
    usage: (prompt, completion) =>
      final
        ? `${start}],"usage":${finalUsage(prompt, completion, head.promptDetails)}${print}}\n\n`
        : null,
    done: doneEvent,
  }
}

/** What the client sees of some tokens: their text, a part of a tool call, or nothing. */
function deltaOf(plan: Plan, from: number, to: number): string | null {
  if (plan.tool !== null) return toolDelta(plan, plan.tool, from, to)
  const text = to - from === 1 ? (plan.pieces[from] ?? '') : plan.pieces.slice(from, to).join('')
  return text === '' ? null : `{"content":${JSON.stringify(text)}}`
}

function toolDelta(
  plan: Plan,
  tool: NonNullable<Plan['tool']>,
  from: number,
  to: number,
): string | null {
  const naming = tool.from - 1
  const text = plan.pieces.slice(Math.max(from, tool.from), Math.min(to, tool.to + 1)).join('')
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
