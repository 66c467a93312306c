// Keeps a thread that writes the ledger: if it ends by itself, a new one is started after a pause.
// The batch that it had may not be written, and no batch can be written until the new one runs.
import type { Timer } from '#domain'
import type { LedgerFileOptions } from './ledger-file.ts'
import type { LedgerWriter, WriterPorts } from './ledger-writer.ts'
import type { RetentionNews } from './retention.ts'
import { type RunningThread, startThread } from './running-thread.ts'

/** The pause before a new thread is started. It doubles until a thread has written again. */
const pauseMsMin = 100
const pauseMsMax = 5_000

/** Rejects when the file cannot be opened. */
export async function openWriterInThread(
  options: LedgerFileOptions,
  { clock, tell }: WriterPorts,
): Promise<LedgerWriter> {
  let thread: RunningThread | null = null
  let lastCause: unknown = null
  let pauseMs = pauseMsMin
  let restart: Timer | null = null
  const closing = new AbortController()
  let given = options

  function hear(news: RetentionNews): void {
    // The refusal holds until the process ends: a new thread alone would trust the clock again.
    if (news.kind === 'refused') given = { ...options, isRetentionRefused: true }
    tell(news)
  }

  async function start(): Promise<void> {
    const started = await startThread(given, hear, closing.signal)
    thread = started
    void started.ended.then((cause) => {
      thread = null
      startLater(cause)
    })
  }

  function startLater(cause: unknown): void {
    if (closing.signal.aborted) return
    lastCause = cause
    if (pauseMs === pauseMsMin) tell({ kind: 'thread_ended', cause })
    restart = clock.after(pauseMs, () => {
      start().catch(startLater)
    })
    pauseMs = Math.min(pauseMs * 2, pauseMsMax)
  }

  await start()
  return {
    async commit(batch) {
      if (thread === null) throw lastCause
      const refusals = await thread.commit(batch)
      pauseMs = pauseMsMin
      return refusals
    },
    revoke: () => thread?.revoke(),
    async close() {
      // A thread that is still starting has no rows that could be lost.
      closing.abort()
      restart?.cancel()
      await thread?.close(clock)
    },
  }
}
