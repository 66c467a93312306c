// How a process that stays is told to stop: the first signal ends it in good order, a second of
// either kind ends it at once, as everybody expects of Ctrl-C. Disposing leaves the signals to the
// system again: what failed to start must not swallow the one that would end it.
import { constants } from 'node:os'

export interface StopSignals extends Disposable {
  /** Resolves with the name of the first. */
  stopped: Promise<NodeJS.Signals>
}

const names = ['SIGINT', 'SIGTERM'] as const

export function watchStopSignals(): StopSignals {
  const { promise: stopped, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let isTold = false

  function onSignal(signal: NodeJS.Signals): void {
    if (isTold) process.exit(128 + constants.signals[signal])
    isTold = true
    resolve(signal)
  }

  for (const name of names) process.on(name, onSignal)
  return {
    stopped,
    [Symbol.dispose]() {
      for (const name of names) process.off(name, onSignal)
    },
  }
}
