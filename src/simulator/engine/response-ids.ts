// Ids and fingerprints in vLLM's form.
import { randomBytes } from 'node:crypto'

export const fingerprint = 'vllm-0.32.0-ac399d9a'
export const engineVersion = '0.32.0'

/** `chatcmpl-` and the client's request id, or sixteen random digits. */
export function responseId(prefix: string, requestId: string | null): string {
  return `${prefix}-${requestId ?? randomBytes(8).toString('hex')}`
}
