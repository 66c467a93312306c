// The ledger's thread. It opens the file, tells the event loop so, and writes one batch after the
// other. It loads as little code as it can, because every thread has a heap of its own.
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '#domain'
import type { RefusedRow } from './commit.ts'
import { type LedgerFile, openLedgerFile } from './ledger-file.ts'
import type { RetentionNews } from './retention.ts'
import {
  batchStates,
  type FromThread,
  problemOf,
  type ThreadGiven,
  type ToThread,
} from './thread-messages.ts'

const { options, batchState } = workerData as ThreadGiven // only `thread-writer.ts` starts us

const file = open()
if (file !== null) {
  say({ kind: 'opened' })
  parentPort?.on('message', (asked: ToThread) => {
    if (asked !== null) return say(answerTo(asked, file))
    file.close()
    parentPort?.close()
  })
}

function say(message: FromThread): void {
  parentPort?.postMessage(message)
}

function open(): LedgerFile | null {
  try {
    return openLedgerFile(options, systemClock, tell)
  } catch (cause) {
    say({ kind: 'unopened', problem: problemOf(cause) })
    return null
  }
}

function answerTo(batch: Exclude<ToThread, null>, { commit }: LedgerFile): FromThread {
  const { sent, taken } = batchStates
  if (Atomics.compareExchange(batchState, 0, sent, taken) !== sent) {
    return { kind: 'not_written', problem: { message: 'The batch was revoked.', code: null } }
  }
  try {
    const refusals = commit(batch)
    return { kind: 'written', refusals: refusals === null ? null : refusals.map(crossing) }
  } catch (cause) {
    return { kind: 'not_written', problem: problemOf(cause) }
  }
}

function crossing({ table, at, cause }: RefusedRow) {
  return { table, at, problem: problemOf(cause) }
}

function tell(news: RetentionNews): void {
  if (news.kind !== 'failed') return say({ kind: 'news', news })
  say({ kind: 'retention_failed', problem: problemOf(news.cause) })
}
