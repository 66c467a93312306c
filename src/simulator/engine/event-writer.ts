// Writes a stream's events as its tokens are made. A client that reads slowly makes the writer
// wait; the engine goes on, and what was made meanwhile comes out as one larger event, as in vLLM.
import type { ReplySink } from '../reply-sink.ts'
import type { Plan } from './plan.ts'
import { tokensAfter } from './usage.ts'

/** The events of one route, as texts. */
export interface StreamDialect {
  /** The event before a choice's first token; null: there is none. */
  start(choice: number, promptTokens: number): string | null
  /** The event for the tokens `from` up to `to` of a choice; null: nothing to see. */
  chunk(
    choice: number,
    from: number,
    to: number,
    ends: boolean,
    counts: { prompt: number; completion: number },
  ): string | null
  usage(promptTokens: number, completionTokens: number): string | null
  /** What marks the end of the stream. */
  done(): string
}

export const doneEvent = () => 'data: [DONE]\n\n'

export interface EventWriter {
  /** So many tokens of each choice are there. */
  step(done: number): void
  /** Nothing more is written, whatever comes. */
  abandon(): void
}

export function writeEvents(
  dialect: StreamDialect,
  plans: readonly Plan[],
  promptTokens: number,
  sink: ReplySink,
): EventWriter {
  const stepsOf = plans.map((plan) => plan.pieces.length + (plan.endsOnToken ? 0 : 1))
  const last = Math.max(...stepsOf)
  let made = 0
  let sent = 0
  let waits = false
  let isAbandoned = false

  function send(): void {
    let room = true
    if (sent === 0) room = sendStart()
    const counts = { prompt: promptTokens, completion: tokensAfter(plans, made) }
    for (const [choice, steps] of stepsOf.entries()) {
      if (sent >= steps) continue
      const text = dialect.chunk(choice, sent, made, made >= steps, counts)
      if (text !== null) room = sink.event(text, isContent(choice) ? 'content' : 'end')
    }
    sent = made
    if (sent >= last) finish()
    else if (!room) pause()
  }

  function isContent(choice: number): boolean {
    return sent < (plans[choice]?.pieces.length ?? 0)
  }

  function sendStart(): boolean {
    let room = true
    for (const choice of plans.keys()) {
      const text = dialect.start(choice, promptTokens)
      if (text !== null) room = sink.event(text, 'start')
    }
    return room
  }

  function pause(): void {
    waits = true
    sink.whenDrained(() => {
      waits = false
      if (made > sent && !isAbandoned) send()
    })
  }

  function finish(): void {
    const usage = dialect.usage(promptTokens, tokensAfter(plans, last))
    if (usage !== null) sink.event(usage, 'usage')
    sink.event(dialect.done(), 'done')
    sink.end()
  }

  return {
    step(done) {
      made = done
      if (!waits && !isAbandoned) send()
    },
    abandon() {
      isAbandoned = true
    },
  }
}
