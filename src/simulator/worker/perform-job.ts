// A worker does a job: its handler reads the job, its engine answers, and the handler turns the
// answer into what the job yields.
import { engineGoneError } from '#wire'
import type { FaultPlan } from '../control/fault-plan.ts'
import { faultySink, replyInstead } from '../control/fault-sink.ts'
import type { Leave, Work } from '../crew.ts'
import { busy } from '../engine/refusal.ts'
import type { Engine } from '../engine/vllm-server.ts'
import type { JobSink } from '../job-sink.ts'
import type { ReplySink } from '../reply-sink.ts'
import { generationA } from './generation-a.ts'
import { generationB } from './generation-b.ts'
import type { Handler, WorkerFacts } from './handler.ts'

/** What a worker does its jobs with. */
export interface Hands {
  /** Returns what stops the job. The sink hears how it ends; `die` takes the worker down. */
  perform(work: Work, faults: FaultPlan, sink: JobSink, die: () => void): Leave
  /** Running answers end as vLLM ends them when its engine dies; jobs to come fail at once. */
  killEngine(): void
  generatedTokens(): number
  close(): void
}

const nothingToStop = () => {}

export function engineHands(engine: Engine, facts: WorkerFacts): Hands {
  let isDead = false
  return {
    perform(work, faults, sink, die) {
      if (!isDead) return performJob({ engine, facts, die }, work, faults, sink)
      // The first generation had vLLM in its own process, and went down with it.
      if (facts.generation === 'a') die()
      else sink.failed(engineGoneError())
      return nothingToStop
    },
    killEngine() {
      isDead = true
      // The handler lives on until its next job: nobody restarts the server.
      engine.die(() => {})
    },
    generatedTokens: engine.generatedTokens,
    close: engine.close,
  }
}

interface JobWorker {
  engine: Engine
  facts: WorkerFacts
  die: () => void
}

function handlerOf(work: Work, sink: JobSink, facts: WorkerFacts): Handler {
  if (work.direct === undefined) {
    return (facts.generation === 'a' ? generationA : generationB)(work.input, sink, facts)
  }
  const { request, reply } = work.direct
  return { request, answer: directReply(reply, sink), stop: nothingToStop }
}

function performJob(worker: JobWorker, work: Work, faults: FaultPlan, sink: JobSink): Leave {
  const { engine, die } = worker
  const handler = handlerOf(work, sink, worker.facts)
  const { request } = handler
  if (request === null) return nothingToStop
  let stop: Leave = nothingToStop
  const answer = faultySink(faults, handler.answer, () => stop(), die)
  const { reply, slowFirstMs, tokens, hidesUsage } = faults
  if (reply !== null) {
    replyInstead(reply, busy().body, answer)
    return handler.stop
  }
  const wish = { slowFirstMs, tokens, hidesUsage }
  const defaults = { mediaType: 'application/json', requestId: null }
  // The stop of a job can get lost on its way to vLLM (`lostCancelShare`). A client of the worker's
  // own HTTP server that leaves is always noticed.
  stop = engine.ask({ ...defaults, ...request, wish, cancelCanFail: !work.direct }, answer)
  return () => {
    handler.stop()
    stop()
  }
}

/** A load balancer's call: the answer of the worker's HTTP server goes out as it is, and the crew
 * is only told when it is over. */
function directReply(reply: ReplySink, sink: JobSink): ReplySink {
  return {
    ...reply,
    whole(status, body, headers) {
      reply.whole(status, body, headers)
      sink.done()
    },
    tornWhole(body) {
      reply.tornWhole(body)
      sink.torn('')
    },
    end() {
      reply.end()
      sink.done()
    },
    breakOff() {
      reply.breakOff()
      sink.torn('')
    },
  }
}
