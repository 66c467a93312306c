// One run of the ledger's thread, from start to end, seen from the event loop.
import { Worker } from 'node:worker_threads'
import type { Clock } from '#domain'
import type { Batch, RefusedRow } from './commit.ts'
import type { LedgerFileOptions } from './ledger-file.ts'
import type { RetentionNews } from './retention.ts'
import {
  batchStates,
  errorOf,
  type FromThread,
  type ThreadGiven,
  type ToThread,
} from './thread-messages.ts'

type Refusals = readonly RefusedRow[] | null

/**
 * A batch is a thousand rows at most, so a larger heap would mean a leak. Rows are garbage after
 * their batch: a small young generation suffices and holds less memory at rest.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 64 }
const source = JSON.stringify(new URL('./ledger-thread.ts', import.meta.url).href)
/**
 * A thread uses the process's compile cache by itself only if the environment named the cache when
 * the process began. Without the cache the thread loads the compiler of TypeScript: 10 MB.
 */
const entry = `
  const cache = process.env.NODE_COMPILE_CACHE
  if (cache) require('node:module').enableCompileCache(cache)
  import(${source})
`
/** The rows are safe in the journal: the next start folds what was not folded by then. */
const closeMsMax = 1_500
/** A thread that waits for the disk ends only when the system returns from that. */
const terminateMsMax = 500

/** Rejects when the file cannot be opened, or the thread ends before that is known. */
export async function startThread(
  options: LedgerFileOptions,
  tell: (news: RetentionNews) => void,
  abandoned: AbortSignal,
): Promise<RunningThread> {
  const thread = new RunningThread(options, tell)
  const abandon = () => thread.abandon(abandoned.reason)
  abandoned.addEventListener('abort', abandon)
  await thread.opened.finally(() => abandoned.removeEventListener('abort', abandon))
  return thread
}

export class RunningThread {
  readonly opened: Promise<void>
  /** Resolves with the reason, once the thread is gone. */
  readonly ended: Promise<unknown>
  readonly #worker: Worker
  readonly #batchState = new Int32Array(new SharedArrayBuffer(4))
  readonly #opening = Promise.withResolvers<void>()
  readonly #ending = Promise.withResolvers<unknown>()
  readonly #tell: (news: RetentionNews) => void
  #committing: PromiseWithResolvers<Refusals> | null = null
  #cause: unknown = new Error('The ledger’s thread has ended.')

  constructor(options: LedgerFileOptions, tell: (news: RetentionNews) => void) {
    this.opened = this.#opening.promise
    this.ended = this.#ending.promise
    this.#tell = tell
    this.#worker = new Worker(entry, {
      name: 'ledger',
      eval: true,
      workerData: { options, batchState: this.#batchState } satisfies ThreadGiven,
      resourceLimits,
    })
    this.#worker.on('message', (message: FromThread) => this.#hear(message))
    this.#worker.on('error', (error) => {
      this.#cause = error
    })
    this.#worker.on('exit', () => {
      this.#opening.reject(this.#cause)
      this.#committing?.reject(this.#cause)
      this.#ending.resolve(this.#cause)
    })
  }

  commit(batch: Batch): Promise<Refusals> {
    this.#committing = Promise.withResolvers()
    Atomics.store(this.#batchState, 0, batchStates.sent)
    this.#worker.postMessage(batch satisfies ToThread)
    return this.#committing.promise
  }

  revoke(): void {
    Atomics.compareExchange(this.#batchState, 0, batchStates.sent, batchStates.revoked)
  }

  /** Waits for the thread's end, but not for ever. */
  async close(clock: Clock): Promise<void> {
    this.#worker.postMessage(null satisfies ToThread)
    if (await isOverWithin(closeMsMax, this.ended, clock)) return
    void this.#worker.terminate()
    if (!(await isOverWithin(terminateMsMax, this.ended, clock))) this.#worker.unref()
  }

  /** Ends the thread without waiting for it. */
  abandon(reason: unknown): void {
    this.#opening.reject(reason)
    void this.#worker.terminate()
    this.#worker.unref()
  }

  #hear(message: FromThread): void {
    switch (message.kind) {
      case 'written':
        return this.#committing?.resolve(refusalsOf(message))
      case 'not_written':
        return this.#committing?.reject(errorOf(message.problem))
      case 'news':
        return this.#tell(message.news)
      case 'retention_failed':
        return this.#tell({ kind: 'failed', cause: errorOf(message.problem) })
      case 'opened':
        return this.#opening.resolve()
      case 'unopened':
        this.#cause = errorOf(message.problem)
    }
  }
}

function refusalsOf({ refusals }: Extract<FromThread, { kind: 'written' }>): Refusals {
  if (refusals === null) return null
  return refusals.map(({ table, at, problem }) => ({ table, at, cause: errorOf(problem) }))
}

function isOverWithin(ms: number, over: Promise<unknown>, clock: Clock): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = clock.after(ms, () => resolve(false))
  return Promise.race([promise, over.then(() => true)]).finally(() => timer.cancel())
}
