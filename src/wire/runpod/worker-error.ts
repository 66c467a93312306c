// The error of a failed job as the vLLM worker (2.24 and later) reports it: a Python dict's repr,
// with vLLM's own answer quoted inside the message.
import { pythonRepr } from './python-repr.ts'

/** vLLM answered with a status of 400 or above. */
export function vllmRefusedError(status: number, body: string): string {
  return workerError(`vLLM returned HTTP ${status}: ${body}`)
}

/** The job's input is none of the forms that the worker knows. */
export function unknownInputError(): string {
  return workerError(
    'Job input must contain one of: openai_input (+openai_route), route (+body), ' +
      'or prompt/messages.',
  )
}

/** vLLM died after its start, and nothing restarts it: every job of this worker fails like this. */
export function engineGoneError(): string {
  return workerError('vLLM server process is not running; worker is unhealthy')
}

/** An answer of vLLM's that the worker cannot read as JSON. */
export function vllmRequestError(status: number, mediaType: string): string {
  return workerError(
    `Request to vLLM failed: ${status}, message='Attempt to decode JSON with unexpected ` +
      `mimetype: ${mediaType}'`,
  )
}

function workerError(message: string): string {
  return pythonRepr({ message, type: 'worker_error', code: null })
}
