// How the management API says no: `application/problem+json` with a title, the status, and what was
// wrong with which field. Every answer tells how much of the caller's quota is left.
import { STATUS_CODES } from 'node:http'

export interface FieldMistake {
  /** Where in the body, as in `workers.idleTimeout`. */
  path: string
  message: string
}

export class Problem extends Error {
  readonly status: number
  readonly mistakes: readonly FieldMistake[]

  constructor(status: number, detail: string, mistakes: readonly FieldMistake[] = []) {
    super(detail)
    this.status = status
    this.mistakes = mistakes
  }

  body(): string {
    return JSON.stringify({
      title: STATUS_CODES[this.status] ?? 'Error',
      status: this.status,
      detail: this.message,
      ...(this.mistakes.length > 0 && { errors: this.mistakes }),
    })
  }
}

export const notFound = (what: string) => new Problem(404, `${what} not found`)
