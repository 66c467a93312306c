// Where log lines go: a file descriptor, written to synchronously, with a small buffer. It never
// throws and never waits: a log that cannot be written must not keep an answer from its client.
// What could not be written waits for the next try, up to a bound; lines beyond it are lost and
// counted.
//
// pino's own destination does all but that: on a full disk it ends the process from its timer, or
// tries for ever at its exit.
import { writeSync } from 'node:fs'

export interface LogDestination {
  write(line: string): void
  /** One try; what is left stays for the next. */
  flush(): void
  /** Lines that nobody will ever read. */
  lostLines(): number
}

export interface LogDestinationOptions {
  fd: number
  /** Lines are gathered up to here; 0: each line is out when the call returns. */
  bufferBytes: number
  /** What may wait while nothing can be written. */
  waitingBytesMax?: number
}

const usualWaitingBytesMax = 1_048_576

export function openLogDestination(options: LogDestinationOptions): LogDestination {
  const { fd, bufferBytes, waitingBytesMax = usualWaitingBytesMax } = options
  let pending = ''
  /** What the descriptor took only in part. */
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
      // Full, or stalled, or gone: the reason is not ours to mend, and the next try will tell.
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
      // While it is broken, only the timer tries: each try may cost a system call that fails.
      if (!isBroken && pending.length >= bufferBytes) flush()
    },
    flush,
    lostLines: () => lost,
  }
}
