// JSON lines to stdout: synchronous, because an asynchronous destination measured slower and loses
// lines, with a 4 KB buffer that is flushed every 250 ms and at exit. Errors become fields of ours
// and every finished line is masked, whatever was put into it.
import { type DestinationStream, type LogFn, type Logger as PinoLogger, pino } from 'pino'
import type { CallRecord } from '#domain'
import { createCallLogLine } from './call-log-line.ts'
import { errorFields } from './error-fields.ts'
import { openLogDestination } from './log-destination.ts'
import { masked } from './mask.ts'

export interface Logger extends PinoLogger {
  /**
   * Writes the one line of a call without pino's serialiser. That takes 6 µs for these fields,
   * `JSON.stringify` 3, and a text that is put together by hand 1.5.
   */
  call(record: CallRecord, cause?: unknown): void
  /** How many lines were dropped because they could not be written. */
  lostLines(): number
}

interface LoggerOptions {
  /** `fatal` … `trace`, or `silent`. */
  level: string
  /** Set in production. Without it each line is written at once. */
  isBuffered?: boolean
  /** Instead of stdout. */
  write?: (line: string) => void
}

const BUFFER_BYTES = 4096
const FLUSH_MS = 250

export function createLogger({ level, isBuffered = false, write }: LoggerOptions): Logger {
  const timestamp = isoTimestamps()
  const options = {
    level,
    base: null,
    messageKey: 'message',
    timestamp,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: errorFields, error: errorFields, cause: errorFields },
    hooks: { streamWrite: masked, logMethod: withoutBorrowedMessage },
  }
  const stream = write === undefined ? stdout(isBuffered) : { write, lostLines: () => 0 }
  const logger = pino(options, stream)
  const callLogLine = createCallLogLine()
  return Object.assign(logger, {
    call(record: CallRecord, cause?: unknown) {
      if (!logger.isLevelEnabled('info')) return
      const why = cause === undefined ? '' : `,"cause":${JSON.stringify(errorFields(cause))}`
      stream.write(`{"level":"info"${timestamp()},${callLogLine(record)}${masked(why)}}\n`)
    },
    lostLines: stream.lostLines,
  })
}

/** The date's text is made once a second: it takes 1.5 µs. The milliseconds are added to it. */
function isoTimestamps(): () => string {
  let second = 0
  let head = ''
  return () => {
    const nowMs = Date.now()
    const ms = nowMs % 1000
    if (nowMs - ms !== second || head === '') {
      second = nowMs - ms
      head = `,"timestamp":"${new Date(second).toISOString().slice(0, 20)}`
    }
    return `${head}${String(ms).padStart(3, '0')}Z"`
  }
}

/** pino copies a lone error's message into the line, and our serializer would not cut it. */
function withoutBorrowedMessage(this: PinoLogger, args: Parameters<LogFn>, method: LogFn): void {
  const [first, message] = args
  const isLoneError =
    typeof first === 'object' &&
    first !== null &&
    message === undefined &&
    (first instanceof Error || 'err' in first)
  if (isLoneError) method.call(this, first, 'error')
  else method.apply(this, args)
}

function stdout(isBuffered: boolean): DestinationStream & Pick<Logger, 'lostLines'> {
  // Reading this property makes a pipe non-blocking: a full one fails instead of making us wait.
  void process.stdout
  const stream = openLogDestination({ fd: 1, bufferBytes: isBuffered ? BUFFER_BYTES : 0 })
  // Not a `Clock`: lines must be flushed also while a test or a simulation stops that one.
  setInterval(stream.flush, FLUSH_MS).unref()
  process.on('exit', stream.flush)
  return stream
}
