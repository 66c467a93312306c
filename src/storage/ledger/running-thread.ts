// One run of the ledger's thread, from its start to its end, seen from the event loop.
import { Worker } from 'node:worker_threads'
import type { Clock } from '#domain'
import type { Batch, Refusal } from './commit.ts'
import type { LedgerFileOptions } from './ledger-file.ts'
import type { RetentionNews } from './retention.ts'
import {
  batchStates,
  errorOf,
  type FromThread,
  type ThreadGiven,
  type ToThread,
} from './thread-messages.ts'

export interface RunningThread {
  commit(batch: Batch): Promise<readonly Refusal[] | null>
  revoke(): void
  /** Waits for the end, but not for ever. */
  close(clock: Clock): Promise<void>
  /** Resolves with the reason, once the thread is gone. */
  ended: Promise<unknown>
}

/** A batch is a thousand rows at most; a heap that is larger has a leak. */
const resourceLimits = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 }
/** The rows are safe in the journal: what is not folded by then is folded at the next start. */
const closeMsMax = 1_500
/** A thread ends only once the system lets go of it. */
const terminateMsMax = 500

/** Rejects when the file cannot be opened, or the thread ends before that is known. */
export async function startThread(
  options: LedgerFileOptions,
  tell: (news: RetentionNews) => void,
  abandoned: AbortSignal,
): Promise<RunningThread> {
  const batchState = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(new URL('./ledger-thread.ts', import.meta.url), {
    name: 'ledger',
    workerData: { options, batchState } satisfies ThreadGiven,
    resourceLimits,
  })
  const opening = Promise.withResolvers<void>()
  const ending = Promise.withResolvers<unknown>()
  let cause: unknown = new Error('The ledger’s thread has ended.')
  let committing: PromiseWithResolvers<readonly Refusal[] | null> | null = null

  worker.on('message', (message: FromThread) => {
    switch (message.kind) {
      case 'written':
        return committing?.resolve(refusalsOf(message))
      case 'not_written':
        return committing?.reject(errorOf(message.problem))
      case 'news':
        return tell(message.news)
      case 'retention_failed':
        return tell({ kind: 'failed', cause: errorOf(message.problem) })
      case 'opened':
        return opening.resolve()
      case 'unopened':
        cause = errorOf(message.problem)
    }
  })
  worker.on('error', (error) => {
    cause = error
  })
  worker.on('exit', () => {
    opening.reject(cause)
    committing?.reject(cause)
    ending.resolve(cause)
  })

  const abandon = () => {
    opening.reject(abandoned.reason)
    void worker.terminate()
    worker.unref()
  }
  abandoned.addEventListener('abort', abandon)
  await opening.promise.finally(() => abandoned.removeEventListener('abort', abandon))
  return {
    commit(batch) {
      committing = Promise.withResolvers()
      Atomics.store(batchState, 0, batchStates.sent)
      worker.postMessage(batch satisfies ToThread)
      return committing.promise
    },
    revoke() {
      const { sent, revoked } = batchStates
      Atomics.compareExchange(batchState, 0, sent, revoked)
    },
    async close(clock) {
      worker.postMessage(null satisfies ToThread)
      if (await isOverWithin(closeMsMax, ending.promise, clock)) return
      void worker.terminate()
      if (!(await isOverWithin(terminateMsMax, ending.promise, clock))) worker.unref()
    },
    ended: ending.promise,
  }
}

function refusalsOf({ refusals }: Extract<FromThread, { kind: 'written' }>) {
  if (refusals === null) return null
  return refusals.map(({ table, at, problem }) => ({ table, at, cause: errorOf(problem) }))
}

function isOverWithin(ms: number, over: Promise<unknown>, clock: Clock): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = clock.after(ms, () => resolve(false))
  return Promise.race([promise, over.then(() => true)]).finally(() => timer.cancel())
}
