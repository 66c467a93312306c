// The life of a vLLM server: which calls are in it, whether it takes more, and how it ends. Told to
// stop, it drops its calls at once, or lets them go on for its shutdown timeout while it refuses
// new ones and still calls itself healthy; then the process ends with code 0, within a second.
import type { Clock, Timer } from '#domain'
import { type EngineOptions, isVersionFrom } from './engine-options.ts'
import { busy } from './refusal.ts'

export type ServerPhase = 'up' | 'draining' | 'dead' | 'gone'

interface LiveCall {
  promptTokens: number
  /** The engine is gone: tells the client so. */
  fail(): void
  /** The whole server is taken away: nothing is said, and nothing goes on. */
  drop(): void
}

export interface ServerLife {
  phase(): ServerPhase
  /** Throws the refusal of a full or ending server; the function given back ends the call. */
  admit(call: LiveCall): () => void
  /** SIGTERM. `onExit` is called once the process has ended. */
  terminate(onExit: () => void): void
  /** The engine's process dies, and the server with it. */
  die(onExit: () => void): void
  close(): void
}

/** From the death of the engine to the end of the process, as recorded. */
const exitMs = 400
/** The first version that has a limit for its queue. */
const limitsSince = '0.32.0'

export function openServerLife(options: EngineOptions, clock: Clock): ServerLife {
  const calls = new Set<LiveCall>()
  const hasLimits = isVersionFrom(options.version, limitsSince)
  let phase: ServerPhase = 'up'
  let tokens = 0
  let timer: Timer | null = null
  let whenIdle = () => {}

  const isFull = (promptTokens: number) => {
    if (!hasLimits) return false
    const { queuedRequestsMax: requests, queuedTokensMax: most } = options
    if (requests > 0 && calls.size >= requests) return true
    return most > 0 && tokens + promptTokens > most
  }

  function end(call: LiveCall): void {
    if (!calls.delete(call)) return
    tokens -= call.promptTokens
    if (calls.size === 0) whenIdle()
  }

  function die(onExit: () => void): void {
    if (phase === 'dead' || phase === 'gone') return
    whenIdle = () => {}
    phase = 'dead'
    timer?.cancel()
    for (const call of [...calls]) {
      end(call)
      call.fail()
    }
    timer = clock.after(exitMs, () => {
      phase = 'gone'
      onExit()
    })
  }

  return {
    phase: () => phase,
    admit(call) {
      if (phase !== 'up' || isFull(call.promptTokens)) throw busy()
      calls.add(call)
      tokens += call.promptTokens
      return () => end(call)
    },
    terminate(onExit) {
      if (phase !== 'up') return
      if (options.shutdownTimeoutMs === 0 || calls.size === 0) return die(onExit)
      phase = 'draining'
      timer = clock.after(options.shutdownTimeoutMs, () => die(onExit))
      whenIdle = () => die(onExit)
    },
    die,
    close() {
      timer?.cancel()
      for (const call of calls) call.drop()
      calls.clear()
    },
  }
}
