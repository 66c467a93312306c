// What the answers of chat and completions have in common, whole and streamed: who answers, when,
// and the usage.
import type { Plan } from './plan.ts'
import { promptTokens, type TextRequest } from './text-request.ts'
import { finalUsage, runningUsage, tokensAfter, wholeUsage } from './usage.ts'

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

export function usageOf(head: AnswerHead, request: TextRequest, plans: readonly Plan[]) {
  if (head.hidesUsage) return null
  const completion = tokensAfter(plans, Number.POSITIVE_INFINITY)
  return wholeUsage(promptTokens(request), completion, head.promptDetails)
}

/** The parts of a stream's events, made once per stream. */
export function eventFrame(object: string, head: AnswerHead, request: TextRequest) {
  const start =
    `data: {"id":${JSON.stringify(head.id)},"object":"${object}",` +
    `"created":${head.createdSeconds},"model":${JSON.stringify(request.model)},"choices":[`
  const print = `,"system_fingerprint":"${head.fingerprint}"`
  const isContinuous = request.continuousUsage && !head.hidesUsage
  const isFinal = request.includeUsage && !head.hidesUsage
  return {
    start,
    /** The last event of a stream has the fingerprint: this is it where no usage comes after. */
    lastPrint: isFinal ? '' : print,
    running: (prompt: number, completion: number) =>
      isContinuous ? `,"usage":${runningUsage(prompt, completion)}` : '',
    usage: (prompt: number, completion: number) =>
      isFinal
        ? `${start}],"usage":${finalUsage(prompt, completion, head.promptDetails)}${print}}\n\n`
        : null,
  }
}
