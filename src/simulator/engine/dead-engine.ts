// What vLLM 0.32 says when its engine process is gone, as an answer and inside a stream. The stream
// says `[DONE]` all the same.
import { internalError } from './refusal.ts'

const message = 'EngineCore encountered an issue. See stack trace (above) for the root cause.'

export const engineDead = internalError(message)

/** Python's spacing: another part of vLLM writes it than whole answers. */
export const engineDeadEvent =
  `data: {"error": {"message": "${message}", "type": "InternalServerError", "param": null, ` +
  '"code": 500}}\n\n'
