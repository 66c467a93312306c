// The system's time, so many times as fast, for long waits between real sockets.
import { type Clock, systemClock } from '#src/domain/index.ts'

export function fasterClock(factor: number): Clock {
  return {
    nowMs: () => Math.round(systemClock.nowMs() * factor),
    ticksMs: () => systemClock.ticksMs() * factor,
    after: (delayMs, callback) => systemClock.after(delayMs / factor, callback),
  }
}
