// Opens the ledger, and logs what it does by itself: rows that retention deleted are gone for good,
// so the operator must be told, and must not have to guess why a thread ended.
import { type Ledger, type LedgerOptions, openLedger } from '#accounting'
import type { Clock } from '#domain'
import type { Logger } from '#observability'
import type { LedgerNews } from '#storage'

export async function openNotedLedger(
  options: LedgerOptions,
  clock: Clock,
  logger: Logger,
): Promise<Ledger> {
  const onNews = (news: LedgerNews) => noteNews(news, logger)
  const ledger = await openLedger({ ...options, onNews }, clock)
  ledger.onStateChange((state, cause) => {
    if (state === 'ok') logger.info({ event: 'ledger', state })
    else logger.error({ event: 'ledger', state, cause })
  })
  return ledger
}

const event = 'retention'

function noteNews(news: LedgerNews, logger: Logger): void {
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
