// The words of our own in an answer, the same on every OpenAI surface.
import { Fault, type Progress } from '#domain'
import { errorEnvelope, sseComment, sseData } from '#wire'

/** A sign of life that is no answer. */
export function heartbeat({ phase, etaMs }: Progress): string {
  return sseComment(`podgate ${phase}${etaMs === null ? '' : ` eta=${Math.ceil(etaMs / 1000)}s`}`)
}

/** The envelope with no chunk around it, which every SDK takes for an error. */
export function failedEvent(fault: Fault): string {
  return sseData(errorEnvelope(fault))
}

export function badAnswer(expected: string, cause: string): Fault {
  return new Fault('upstream_bad_answer', {
    message: `The model’s server gave an answer that is not ${expected}.`,
    cause,
    started: 'yes',
  })
}
