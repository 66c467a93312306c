// Writes log lines to a file descriptor, synchronously, with a small buffer. It never throws and
// never waits: a log that cannot be written must not keep an answer from its client. Lines that
// could not be written wait for the next try, up to a bound; lines beyond it are lost and counted.
// pino's own destination is no replacement: on a full disk it ends the process from its timer, or
// tries for ever at its exit.
import { writeSync } from 'node:fs'

export interface LogDestination {
  write(line: string): void
  /** Tries once. Lines that could not be written stay for the next try. */
  flush(): void
  /** How many lines were dropped because too many waited. */
  lostLines(): number
}

export interface LogDestinationOptions {
  fd: number
  /** Lines are gathered up to this size; 0: each is written before `write` returns. */
  bufferBytes: number
  /** The most that may wait while nothing can be written. */
  waitingBytesMax?: number
}

const usualWaitingBytesMax = 1_048_576

export function openLogDestination(options: LogDestinationOptions): LogDestination {
  const { fd, bufferBytes, waitingBytesMax = usualWaitingBytesMax } = options
  let pending = ''
  /** The part of a buffer that the descriptor did not take. */
  let rest: Buffer | null = null
  let isBroken = false
  let lost = 0

  function waitingBytes(): number {
    return pending.length + (rest?.length ?? 0)
  }

  function flush(): void {
    try {
      while (waitingBytes() > 0) {
        if (rest === null) {
          rest = Buffer.from(pending)
          pending = ''
        }
        const written = writeSync(fd, rest)
        rest = written < rest.length ? rest.subarray(written) : null
      }
      isBroken = false
    } catch {
      // The disk is full, or the pipe is full or gone. We cannot mend that; the next try will tell.
      isBroken = true
    }
  }

  return {
    write(line) {
      if (waitingBytes() + line.length > waitingBytesMax) {
        lost += 1
        return
      }
      pending += line
      // While writing fails, only the timer tries: each try costs a system call.
      if (!isBroken && pending.length >= bufferBytes) flush()
    },
    flush,
    lostLines: () => lost,
  }
}
