// The client's end of a call, as far as the relay needs to know it. The socket is in `http`.
import type { Fault } from '#domain'

/** Of an answer, by their names in lower case. */
export type Headers = Record<string, string>

export interface ClientEnd {
  /** Aborted when the call is abandoned, whoever did it; the reason is a Fault. */
  readonly signal: AbortSignal
  /** A status was sent: from here on, an error can only be an event. */
  readonly hasBegun: boolean
  abandon(fault: Fault): void
  /** Commits 200 and the headers of a stream, to which it may add its own. */
  begin(headers: Headers): void
  /** False when the client must be waited for. */
  write(text: string): boolean
  /** The client has read; rejects when it is gone or too slow. */
  drained(): Promise<void>
  /** Sends the last text of a stream, and ends it. */
  end(text: string): void
  /** A whole answer; adds headers of its own to these. */
  answer(status: number, headers: Headers, body: string): void
  /** Closes the connection without another word. */
  cut(): void
}
