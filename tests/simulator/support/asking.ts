// Asks a simulated vLLM server without sockets, and keeps what it answers, piece by piece.
import type { Engine } from '#src/simulator/engine/vllm-server.ts'
import type { ReplySink } from '#src/simulator/reply-sink.ts'

export interface Asked {
  status: number | null
  headers: { readonly [name: string]: string }
  /** A whole body, or all events so far. */
  text: string
  events: string[]
  ended: boolean
  broken: boolean
  stop(): void
}

interface Asking {
  path?: string
  method?: string
  cancelCanFail?: boolean
  requestId?: string
  tokens?: number
  slowFirstMs?: number
}

export function ask(engine: Engine, body: object | null, asking: Asking = {}): Asked {
  const asked: Asked = {
    status: null,
    headers: {},
    text: '',
    events: [],
    ended: false,
    broken: false,
    stop: () => {},
  }
  const { path = '/v1/chat/completions', cancelCanFail = false, requestId = null } = asking
  asked.stop = engine.ask(
    {
      method: asking.method ?? (body === null ? 'GET' : 'POST'),
      path,
      mediaType: 'application/json',
      body: body === null ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body)),
      requestId,
      cancelCanFail,
      wish: {
        slowFirstMs: asking.slowFirstMs ?? 0,
        tokens: asking.tokens ?? null,
        hidesUsage: false,
      },
    },
    sinkInto(asked),
  )
  return asked
}

function sinkInto(asked: Asked): ReplySink {
  return {
    whole(status, body, headers = {}) {
      Object.assign(asked, { status, headers, text: body, ended: true })
    },
    tornWhole() {},
    open(headers = {}) {
      Object.assign(asked, { status: 200, headers })
    },
    event(text) {
      asked.text += text
      asked.events.push(text)
      return true
    },
    whenDrained: (callback) => callback(),
    end() {
      asked.ended = true
    },
    breakOff() {
      asked.broken = true
    },
  }
}

/** A conversation whose answer has exactly so many tokens. */
export function talk(tokens: number, more: object = {}): object {
  const messages = [{ role: 'user', content: 'Say something.' }]
  return { messages, max_tokens: tokens, ignore_eos: true, ...more }
}
