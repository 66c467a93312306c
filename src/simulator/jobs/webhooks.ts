// Tells a client's webhook that its job has ended: a POST of the envelope, tried again later where
// the answer is not a 2xx. Whatever happens here, the job has ended as it has.
import type { Clock, Timer } from '#domain'
import { type Chance, hexDigits } from '../engine/random.ts'
import type { SimulatorOptions } from '../options.ts'

export interface Webhooks {
  /** So many of its attempts fail, whatever the server says. */
  announce(url: string, body: object, failures: number): void
  close(): void
}

type Waits = Pick<SimulatorOptions, 'webhookRetryMs' | 'webhookTimeoutMs'>

interface Message {
  url: string
  text: string
  failures: number
}

/** Calls under way or waiting for another attempt; more are dropped. */
const pendingMax = 1000

export function openWebhooks(options: Waits, chance: Chance, clock: Clock): Webhooks {
  const pending = new Set<() => void>()
  let isClosed = false

  async function attempt({ url, text }: Message, signal: AbortSignal): Promise<boolean> {
    try {
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'Go-http-client/2.0',
        traceparent: `00-${hexDigits(chance, 32)}-${hexDigits(chance, 16)}-01`,
      }
      const answer = await fetch(url, { method: 'POST', headers, body: text, signal })
      await answer.body?.cancel()
      return answer.ok
    } catch {
      return false
    }
  }

  function deliver(message: Message, tries: number): void {
    const leaving = new AbortController()
    const give = () => leaving.abort()
    const patience = clock.after(options.webhookTimeoutMs, give)
    pending.add(give)
    void attempt(message, leaving.signal).then((isTaken) => {
      patience.cancel()
      pending.delete(give)
      const waitMs = options.webhookRetryMs[tries]
      const isOver = isClosed || waitMs === undefined || (isTaken && tries >= message.failures)
      if (!isOver) later(waitMs, message, tries + 1)
    })
  }

  function later(waitMs: number, message: Message, tries: number): void {
    const stop = () => timer.cancel()
    const timer: Timer = clock.after(waitMs, () => {
      pending.delete(stop)
      deliver(message, tries)
    })
    pending.add(stop)
  }

  return {
    announce(url, body, failures) {
      if (isClosed || pending.size >= pendingMax) return
      deliver({ url, text: JSON.stringify(body), failures }, 0)
    },
    close() {
      isClosed = true
      for (const stop of [...pending]) stop()
      pending.clear()
    },
  }
}
