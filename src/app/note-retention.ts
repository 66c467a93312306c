// What retention did, and what it would not do, as log lines: rows that are gone are gone for good,
// so nobody should have to find out by missing them.
import type { RetentionNews } from '#accounting'
import type { Logger } from '#observability'

const event = 'retention'

export function noteRetention(news: RetentionNews, logger: Logger): void {
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
  }
}

function isoText(atMs: number): string {
  return new Date(atMs).toISOString()
}
