// What the gateway itself says in an answer: the same on every OpenAI surface.
import { Fault, type Progress } from '#domain'
import { errorEnvelope, sseComment, sseData } from '#wire'

/** A comment that shows the client that its call is alive. */
export function heartbeat({ phase, etaMs }: Progress): string {
  return sseComment(`podgate ${phase}${etaMs === null ? '' : ` eta=${Math.ceil(etaMs / 1000)}s`}`)
}

/** A fault as a whole body. A prompt that is too long is named as this dialect names it. */
export function faultBody(fault: Fault, promptField: string): string {
  return errorEnvelope(fault, fault.kind === 'context_too_long' ? promptField : fault.param)
}

/** The error envelope alone, without a chunk around it: every SDK reads that as an error. */
export function failedEvent(fault: Fault, promptField: string): string {
  return sseData(faultBody(fault, promptField))
}

export function badAnswer(expected: string, cause: string): Fault {
  return new Fault('upstream_bad_answer', {
    message: `The model’s server gave an answer that is not ${expected}.`,
    cause,
    started: 'yes',
  })
}
