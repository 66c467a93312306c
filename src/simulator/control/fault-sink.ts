// Stands between an engine and where its answer goes, and breaks the answer off as a fault plan
// says. Whole answers break in their own ways: half a body and a torn socket, half a body and a
// clean end, vLLM's 500 of a dead engine, or silence.

import { engineDead, engineDeadEvent } from '../engine/refusal.ts'
import type { EventKind, ReplySink } from '../reply-sink.ts'
import type { BreakKind, FaultPlan } from './fault-plan.ts'

const error200 =
  '{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError",' +
  '"param":null,"code":404}'

/** `stop` ends the generation behind the sink; `die` is the end of the worker that it runs on. */
export function faultySink(
  plan: FaultPlan,
  sink: ReplySink,
  stop: () => void,
  die: () => void = () => sink.breakOff(),
): ReplySink {
  const limit = plan.breakOff
  if (limit === null && !plan.hidesDone) return sink
  let contents = 0
  let over = false

  function breakStream(how: BreakKind): void {
    over = true
    stop()
    if (how === 'engine-dies') {
      sink.event(engineDeadEvent, 'error')
      sink.event('data: [DONE]\n\n', 'done')
    }
    if (how === 'cut') sink.breakOff()
    else if (how === 'worker-dies') die()
    else if (how !== 'stall') sink.end()
  }

  return {
    whole(status, body, headers) {
      if (limit === null || status >= 400) sink.whole(status, body, headers)
      else if (limit.how === 'worker-dies') die()
      else breakWhole(limit.how, body, sink)
    },
    tornWhole: (body) => sink.tornWhole(body),
    open: (headers) => sink.open(headers),
    event(text: string, kind: EventKind) {
      if (over || (kind === 'done' && plan.hidesDone)) return true
      if (kind === 'content' && limit !== null && contents === limit.after) {
        breakStream(limit.how)
        return true
      }
      if (kind === 'content') contents += 1
      const room = sink.event(text, kind)
      const reached = limit !== null && contents === limit.after && kind === 'content'
      if (reached) breakStream(limit.how)
      return room
    },
    whenDrained: (callback) => sink.whenDrained(callback),
    end() {
      if (!over) sink.end()
    },
    breakOff: () => sink.breakOff(),
  }
}

function breakWhole(how: BreakKind, body: string, sink: ReplySink): void {
  if (how === 'engine-dies') sink.whole(500, engineDead.body)
  if (how === 'cut') sink.tornWhole(body)
  if (how === 'end') sink.whole(200, body.slice(0, body.length / 2))
}

/** What the engine says instead of answering. */
export function replyInstead(reply: 'busy' | 'error-200', busyBody: string, sink: ReplySink): void {
  if (reply === 'busy') sink.whole(503, busyBody)
  else sink.whole(200, error200)
}
