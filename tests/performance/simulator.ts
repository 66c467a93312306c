// The simulator in a process of its own, with one endpoint whose steps take a known time: one worker
// with room for all streams, so that every chunk of every stream has its moment.
import { systemClock } from '#src/domain/index.ts'
import { simulatorOptions, startSimulator } from '#src/simulator/index.ts'
import { answerAsks } from './rig/child.ts'

export type SimulatorAsks = {
  listen: { given: { places: number; stepMs: number }; back: { port: number; key: string } }
}

answerAsks<SimulatorAsks>({
  async listen({ places, stepMs }) {
    const options = simulatorOptions.parse({
      port: 0,
      coldMs: 0,
      workersMax: 1,
      slotsPerWorker: places,
      seqsMax: places,
      endpoints: {
        paced: {
          model: 'paced',
          contextTokens: 8192,
          timing: { stepMs, stepPerSequenceMs: 0, prefillMsPer1k: 0 },
        },
      },
    })
    const simulator = await startSimulator(options, systemClock)
    return { port: Number(new URL(simulator.url).port), key: options.key }
  },
})
