// Where an engine's answer goes: an HTTP response, a job's record, or a filter in front of either.
// An answer is either one whole body, or it is opened, has events and ends (or breaks).

export type EventKind = 'start' | 'content' | 'end' | 'usage' | 'done' | 'error'

export interface ReplySink {
  whole(status: number, body: string, headers?: { readonly [name: string]: string }): void
  /** A good whole answer of which half arrives before the connection is torn. */
  tornWhole(body: string): void
  /** The status is 200 and events will follow. */
  open(headers?: { readonly [name: string]: string }): void
  /** Takes an event; false: there is more waiting than should, wait for `whenDrained`. */
  event(text: string, kind: EventKind): boolean
  whenDrained(callback: () => void): void
  end(): void
  /** The connection is torn, or the worker lost. */
  breakOff(): void
}
