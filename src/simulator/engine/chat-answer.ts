// A whole chat answer with vLLM's keys in vLLM's order; it writes its nulls.
import { chatLogprobs, promptLogprobs } from './logprobs.ts'
import type { Plan } from './plan.ts'
import type { TextRequest } from './text-request.ts'
import { tokenId, tokenize } from './tokens.ts'
import { promptTokens, tokensAfter, wholeUsage } from './usage.ts'

export interface AnswerHead {
  id: string
  createdSeconds: number
  fingerprint: string
  /** Whether usage says how much of the prompt was cached. */
  promptDetails: boolean
  /** Sixteen digits of an id inside the answer. */
  innerId: string
  /** A fault rule may take the usage away. */
  hidesUsage: boolean
}

export function wholeChat(head: AnswerHead, request: TextRequest, plans: readonly Plan[]): string {
  const completion = tokensAfter(plans, Number.POSITIVE_INFINITY)
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
    usage: head.hidesUsage
      ? null
      : wholeUsage(promptTokens(request), completion, head.promptDetails),
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
