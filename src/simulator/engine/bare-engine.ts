// The vLLM server beside the workers of an endpoint: nobody starts it anew when it has ended, until
// somebody asks for it.
import type { Clock } from '#domain'
import type { EndpointOptions } from '../options.ts'
import { type Engine, type EngineSettings, startEngine } from './vllm-server.ts'

export interface BareEngine extends Omit<Engine, 'die' | 'terminate'> {
  /** SIGTERM, the death of its engine, or a new start. */
  happens(event: 'stop' | 'die' | 'start'): void
}

/** `model` may be another one at the next start. */
export function openBareEngine(
  endpointId: string,
  model: () => EndpointOptions,
  options: EngineSettings,
  clock: Clock,
): BareEngine {
  let starts = 0
  let tokensBefore = 0
  let engine = start()

  function start(): Engine {
    starts += 1
    return startEngine(model(), options, clock, `${endpointId} bare ${starts}`)
  }

  return {
    ask: (request, sink) => engine.ask(request, sink),
    load: () => engine.load(),
    generatedTokens: () => tokensBefore + engine.generatedTokens(),
    phase: () => engine.phase(),
    happens(event) {
      if (event === 'stop') return engine.terminate(() => {})
      engine.die(() => {})
      if (event === 'die') return
      engine.close()
      tokensBefore += engine.generatedTokens()
      engine = start()
    },
    close: () => engine.close(),
  }
}
