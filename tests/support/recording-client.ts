// A client's end that writes down what it is given, in the order in which it comes. What it heard
// and what else happened can share one list, so that the order between them can be told.
import type { Fault } from '#src/domain/index.ts'
import type { ClientEnd, Headers } from '#src/relay/index.ts'

export interface RecordingClient extends ClientEnd {
  /** `begin`, `write …`, `end …`, `answer 200`, `cut`, in order. */
  heard: string[]
  headers: Headers
  status: number | null
  /** All text of a stream, or the whole body. */
  text(): string
  /** From now on it does not read, until `reads`. */
  stopsReading(): void
  reads(): void
}

export function recordingClient(heard: string[] = []): RecordingClient {
  const controller = new AbortController()
  const texts: string[] = []
  let blocked: PromiseWithResolvers<void> | null = null
  const note = (what: string, text: string) => {
    texts.push(text)
    heard.push(`${what} ${text.trimEnd()}`)
  }
  const self = {
    heard,
    headers: {} as Headers,
    status: null as number | null,
    hasBegun: false,
    signal: controller.signal,
    text: () => texts.join(''),
    abandon: (fault: Fault) => controller.abort(fault),
    begin(headers: Headers) {
      Object.assign(self, { hasBegun: true, headers, status: 200 })
      heard.push('begin')
    },
    write(text: string) {
      note('write', text)
      return blocked === null
    },
    drained: () => blocked?.promise ?? Promise.resolve(),
    end: (text: string) => note('end', text),
    answer(status: number, headers: Headers, body: string) {
      Object.assign(self, { hasBegun: true, headers, status })
      texts.push(body)
      heard.push(`answer ${status}`)
    },
    cut: () => void heard.push('cut'),
    stopsReading() {
      blocked = Promise.withResolvers()
      controller.signal.addEventListener('abort', () => blocked?.reject(controller.signal.reason))
    },
    reads() {
      blocked?.resolve()
      blocked = null
    },
  }
  return self
}
