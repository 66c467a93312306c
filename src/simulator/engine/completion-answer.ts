// The answers of `/v1/completions`, whole and streamed, with vLLM's keys in vLLM's order.
import type { AnswerHead } from './chat-answer.ts'
import type { StreamDialect } from './event-writer.ts'
import { completionLogprobs } from './logprobs.ts'
import type { Plan } from './plan.ts'
import { fingerprint } from './response-ids.ts'
import type { TextRequest } from './text-request.ts'
import { tokenId } from './tokens.ts'
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
    choices: plans.map((plan, index) => ({
      index,
      text: `${echoOf(request, index)}${plan.text}`,
      logprobs: request.logprobs
        ? completionLogprobs(plan.pieces, request.topLogprobs, echoOf(request, index).length)
        : null,
      finish_reason: plan.finish,
      stop_reason: plan.stopReason,
      token_ids: request.returnTokenIds ? plan.pieces.map(tokenId) : null,
      prompt_logprobs: null,
      prompt_token_ids: null,
      routed_experts: null,
    })),
    service_tier: null,
    system_fingerprint: fingerprint,
    usage: head.hidesUsage ? null : wholeUsage(promptTokens(request), completion),
    kv_transfer_params: null,
    ec_transfer_params: null,
    metrics: null,
  })
}

export function completionEvents(
  head: AnswerHead,
  request: TextRequest,
  plans: readonly Plan[],
): StreamDialect {
  const start =
    `data: {"id":${JSON.stringify(head.id)},"object":"text_completion",` +
    `"created":${head.createdSeconds},"model":${JSON.stringify(request.model)},"choices":[`
  const print = `,"system_fingerprint":"${fingerprint}"`
  const continuous = request.continuousUsage && !head.hidesUsage
  const final = request.includeUsage && !head.hidesUsage
  return {
    start: () => null,
    chunk(choice, from, to, ends, counts) {
      const plan = plans[choice]
      if (plan === undefined) return null
      const pieces = plan.pieces.slice(from, to)
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
      final ? `${start}],"usage":${finalUsage(prompt, completion)}${print}}\n\n` : null,
  }
}

function logprobsAt(request: TextRequest, plan: Plan, from: number, to: number): string {
  const pieces = plan.pieces.slice(from, to)
  if (pieces.length === 0) return 'null'
  const before = plan.pieces.slice(0, from).join('').length
  return JSON.stringify(completionLogprobs(pieces, request.topLogprobs, before))
}

function echoOf(request: TextRequest, choice: number): string {
  if (!request.echo) return ''
  return request.prompts[Math.floor(choice / request.n)]?.text ?? ''
}
