// A job in the hands of a worker: what is to be done, and the doing of it by the worker's engine.
import { type JobSubmission, unknownInputError } from '#wire'
import { busy } from './engine/refusal.ts'
import type { Engine } from './engine/vllm-server.ts'
import { faultySink, replyInstead } from './fault-sink.ts'
import type { FaultPlan } from './faults.ts'
import type { JobSink, ReplySink } from './reply-sink.ts'
import { readJobInput } from './worker-input.ts'

export interface Work {
  input: JobSubmission['input']
  faults: FaultPlan
  sink: JobSink
}

/** A job's place in the queue or at a worker; leaving it twice does nothing. */
export type Leave = () => void

/** Gives back what stops it; `release` is called once the answer is over. */
export function startWork(engine: Engine, servedModel: string, work: Work, release: Leave): Leave {
  const request = readJobInput(work.input, servedModel)
  if (request === null) {
    work.sink.failed(unknownInputError())
    release()
    return () => {}
  }
  let stop: Leave = () => {}
  const sink = faultySink(work.faults, releasing(work.sink, release), () => stop())
  const { reply, slowFirstMs, tokens, hidesUsage } = work.faults
  if (reply !== null) {
    replyInstead(reply, busy().body, sink)
    return stop
  }
  const wish = { slowFirstMs, tokens, hidesUsage }
  stop = engine.ask({ ...request, mediaType: 'application/json', requestId: null, wish }, sink)
  return () => stop()
}

/** Frees the place at the worker when the answer is over. */
function releasing(sink: ReplySink, release: Leave): ReplySink {
  return {
    ...sink,
    whole(status, body, headers) {
      sink.whole(status, body, headers)
      release()
    },
    tornWhole(body) {
      sink.tornWhole(body)
      release()
    },
    end() {
      sink.end()
      release()
    },
    breakOff() {
      sink.breakOff()
      release()
    },
  }
}
