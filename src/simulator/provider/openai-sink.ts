// Turns the engine's answer into OpenAI's on its way to the client. Unlike vLLM, OpenAI sends the
// headers of a stream with its first event, and a stream that fails has an error and no `[DONE]`.
import type { Headers } from '../http-sink.ts'
import type { ReplySink } from '../reply-sink.ts'
import { type AnswerForm, openaiAnswer, openaiEvent } from './openai-answer.ts'
import { bodyOfRefusal, bodyOfStatus } from './openai-error.ts'

/** `head` is asked when the headers leave, and once. */
export function openaiSink(form: AnswerForm, sink: ReplySink, head: () => Headers): ReplySink {
  /** `failed`: the error was told in the stream, which has yet to end. */
  let state: 'waiting' | 'open' | 'failed' | 'over' = 'waiting'

  function open(): void {
    if (state !== 'waiting') return
    state = 'open'
    sink.open(head())
  }

  function fail(): void {
    if (state === 'waiting') {
      state = 'over'
      sink.whole(500, bodyOfStatus(500), head())
    } else {
      state = 'failed'
      sink.event(`data: ${bodyOfStatus(500)}\n\n`, 'error')
    }
  }

  return {
    whole(status, body) {
      state = 'over'
      const said = status >= 400 ? bodyOfRefusal(status, body) : openaiAnswer(form, body)
      sink.whole(status, said, head())
    },
    tornWhole(body) {
      state = 'over'
      sink.tornWhole(openaiAnswer(form, body))
    },
    open() {},
    event(text, kind) {
      if (state === 'failed' || state === 'over') return true
      if (kind === 'error') {
        fail()
        return true
      }
      open()
      return sink.event(kind === 'done' ? text : openaiEvent(form, text), kind)
    },
    whenDrained: (callback) => sink.whenDrained(callback),
    end() {
      open()
      if (state === 'over') return
      state = 'over'
      sink.end()
    },
    breakOff() {
      state = 'over'
      sink.breakOff()
    },
  }
}
