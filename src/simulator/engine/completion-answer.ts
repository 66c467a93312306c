// The answers of `/v1/completions`, whole and streamed, with vLLM's keys in vLLM's order.
import { type AnswerHead, eventFrame, usageOf } from './answer-frame.ts'
import { doneEvent, type StreamDialect } from './event-writer.ts'
import { completionLogprobs, promptLogprobs } from './logprobs.ts'
import type { Plan } from './plan.ts'
import type { TextRequest } from './text-request.ts'
import { tokenId, tokenize } from './tokens.ts'

export function wholeCompletion(
  head: AnswerHead,
  request: TextRequest,
  plans: readonly Plan[],
): string {
  return JSON.stringify({
    id: head.id,
    object: 'text_completion',
    created: head.createdSeconds,
    model: request.model,
    choices: plans.map((plan, index) => completionChoice(request, plan, index)),
    service_tier: null,
    system_fingerprint: head.fingerprint,
    usage: usageOf(head, request, plans),
    kv_transfer_params: null,
    ec_transfer_params: null,
    metrics: null,
  })
}

function completionChoice(request: TextRequest, plan: Plan, index: number) {
  const echoed = tokenize(echoOf(request, index))
  const made = request.echoOnly ? [] : plan.pieces
  const asked = request.logprobs && echoed.length > 0 ? request.topLogprobs : request.promptLogprobs
  const prompt = tokenize(promptOf(request, index))
  return {
    index,
    text: [...echoed, ...made].join(''),
    logprobs: request.logprobs ? completionLogprobs(made, request.topLogprobs, 0, echoed) : null,
    finish_reason: plan.finish,
    stop_reason: plan.stopReason,
    token_ids: request.returnTokenIds ? plan.pieces.map(tokenId) : null,
    prompt_logprobs: asked === null ? null : promptLogprobs(prompt, asked),
    prompt_token_ids: request.returnTokenIds ? prompt.map(tokenId) : null,
    routed_experts: null,
  }
}

export function completionEvents(
  head: AnswerHead,
  request: TextRequest,
  plans: readonly Plan[],
): StreamDialect {
  const { start, lastPrint, running, usage } = eventFrame('text_completion', head, request)
  return {
    start: () => null,
    chunk(choice, from, to, ends, counts) {
      const plan = plans[choice]
      if (plan === undefined) return null
      const pieces = request.echoOnly ? [] : plan.pieces.slice(from, to)
      const echo = from === 0 ? echoOf(request, choice) : ''
      const logprobs = request.logprobs ? logprobsAt(request, plan, from, to) : 'null'
      return (
        `${start}{"index":${choice},"text":${JSON.stringify(echo + pieces.join(''))},` +
        `"logprobs":${logprobs},"finish_reason":${ends ? `"${plan.finish}"` : null},` +
        `"stop_reason":${ends ? JSON.stringify(plan.stopReason) : null},` +
        `"prompt_token_ids":null,"token_ids":null}]` +
        `${running(counts.prompt, counts.completion)}${ends ? lastPrint : ''}}\n\n`
      )
    },
    usage,
    done: doneEvent,
  }
}

function logprobsAt(request: TextRequest, plan: Plan, from: number, to: number): string {
  const pieces = plan.pieces.slice(from, to)
  if (pieces.length === 0) return 'null'
  const before = plan.pieces.slice(0, from).join('').length
  return JSON.stringify(completionLogprobs(pieces, request.topLogprobs, before))
}

function echoOf(request: TextRequest, choice: number): string {
  return request.echo ? promptOf(request, choice) : ''
}

function promptOf(request: TextRequest, choice: number): string {
  return request.prompts[Math.floor(choice / request.n)]?.text ?? ''
}
