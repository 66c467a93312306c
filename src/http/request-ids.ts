// A client's own id for its request is kept beside ours, if it is short and harmless; the answer's
// id is always ours.
import type { IncomingHttpHeaders } from 'node:http'

export function clientRequestId(headers: IncomingHttpHeaders): string | null {
  const given = headers['x-request-id']
  return typeof given === 'string' && /^[\w.:-]{1,64}$/.test(given) ? given : null
}
