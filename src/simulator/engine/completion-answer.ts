// The answers of `/v1/completions`, whole and streamed, with vLLM's keys in vLLM's order.
import type { AnswerHead } from './chat-answer.ts'
import { doneEvent, type StreamDialect } from './event-writer.ts'
import { completionLogprobs, promptLogprobs } from './logprobs.ts'
import type { Plan } from './plan.ts'
import type { TextRequest } from './text-request.ts'
import { tokenId, tokenize } from './tokens.ts'
import { finalUsage, promptTokens, runningUsage, tokensAfter, wholeUsage } from './usage.ts'

export function wholeCompletion(
  head: AnswerHead,
  request: TextRequest,
  plans: readonly Plan[],
): string {
  const completion = tokensAfter(plans, Number.POSITIVE_INFINITY)
  return JSON.stringify({
    id: head.id,
    object: 'text_completion',
    created: head.createdSeconds,
    model: request.model,
    choices: plans.map((plan, index) => completionChoice(request, plan, index)),
    service_tier: null,
    system_fingerprint: head.fingerprint,
    usage: head.hidesUsage
      ? null
      : wholeUsage(promptTokens(request), completion, head.promptDetails),
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
  const start =
    `data: {"id":${JSON.stringify(head.id)},"object":"text_completion",` +
    `"created":${head.createdSeconds},"model":${JSON.stringify(request.model)},"choices":[`
  const print = `,"system_fingerprint":"${head.fingerprint}"`
  const continuous = request.continuousUsage && !head.hidesUsage
  const final = request.includeUsage && !head.hidesUsage
  return {
    start: () => null,
    chunk(choice, from, to, ends, counts) {
      const plan = plans[choice]
      if (plan === undefined) return null
      const pieces = request.echoOnly ? [] : plan.pieces.slice(from, to)
      const echo = from === 0 ? echoOf(request, choice) : ''
      const logprobs = request.logprobs ? logprobsAt(request, plan, from, to) : 'null'
      const usage = continuous ? `,"usage":${runningUsage(counts.prompt, counts.completion)}` : ''
      return (
        `${start}{"index":${choice},"text":${JSON.stringify(echo + pieces.join(''))},` +
        `"logprobs":${logprobs},"finish_reason":${ends ? `"${plan.finish}"` : null},` +
        `"stop_reason":${ends ? JSON.stringify(plan.stopReason) : null},` +
        `"prompt_token_ids":null,"token_ids":null}]${usage}${ends && !final ? print : ''}}\n\n`
      )
    },
    usage: (prompt, completion) =>
      final
        ? `${start}],"usage":${finalUsage(prompt, completion, head.promptDetails)}${print}}\n\n`
        : null,
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
