// What the ledger does by itself, as log lines. Rows that retention deleted are gone for good, so
// nobody should have to find out by missing them; nor should anybody guess why a thread ended.
import type { Logger } from '#observability'
import type { LedgerNews } from '#storage'

const event = 'retention'

export function noteLedgerNews(news: LedgerNews, logger: Logger): void {
  switch (news.kind) {
    case 'deleted':
      logger.info({ event, deleted_calls: news.calls, until: isoText(news.untilMs) })
      return
    case 'failed':
      logger.error({ event, cause: news.cause }, 'old calls could not be deleted; tried again')
      return
    case 'refused':
      logger.error(
        { event, newest_call: isoText(news.newestMs), until: isoText(news.untilMs) },
        'every call would be too old to keep: nothing is deleted before the next start. ' +
          'Is the clock right?',
      )
      return
    case 'thread_ended':
      logger.error(
        { event: 'ledger', cause: news.cause },
        'the ledger’s thread has ended, and is started anew; no row is lost',
      )
  }
}

function isoText(atMs: number): string {
  return new Date(atMs).toISOString()
}
