// What a worker does its jobs with when nobody reads the answers: the engine's batch, so that the
// timing is the same, without texts, routes or refusals.
import type { CrewPorts } from '../contract.ts'
import { startBatch } from '../engine/batch.ts'
import type { Hands } from '../worker/perform-job.ts'
import type { TraceCall } from './read-trace.ts'

/** `callOf` knows what was asked by the job's id. */
export function traceHands(
  ports: CrewPorts,
  callOf: (jobId: string) => TraceCall | undefined,
): Hands {
  const { options, clock } = ports.account
  const limits = { speed: options.speed, room: ports.room }
  const batch = startBatch(ports.model().timing, limits, clock)
  let tokens = 0
  return {
    perform(work, _, sink) {
      const call = callOf(work.jobId)
      const steps = Math.max(1, call?.tokens ?? 1)
      return batch.add({
        promptTokens: call?.promptTokens ?? 1,
        sequences: 1,
        steps,
        onStep(done) {
          tokens += 1
          if (done === steps) sink.done()
        },
      })
    },
    killEngine() {},
    generatedTokens: () => tokens,
    close: batch.close,
  }
}
