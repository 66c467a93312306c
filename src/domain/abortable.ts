// A wait that a signal ends.

/**
 * Rejects with the signal's reason once the signal is aborted. `begin` starts the wait, and returns
 * what stops it: called at the moment in which the wait is over, however it ended.
 */
export function abortable<T>(
  signal: AbortSignal,
  begin: (resolve: (value: T) => void, reject: (reason: unknown) => void) => () => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const over =
      <V>(settle: (value: V) => void) =>
      (value: V) => {
        signal.removeEventListener('abort', onAbort)
        settle(value)
        stop()
      }
    const onAbort = over(() => reject(signal.reason))
    const stop = begin(over(resolve), over(reject))
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort(null)
  })
}
