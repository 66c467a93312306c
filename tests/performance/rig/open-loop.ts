// Calls at planned moments, whatever became of those before them, as they come from many clients.
// Every time counts from the planned moment, so that what the generator itself was late is in it;
// it is told apart as well, because a generator that is late measures itself.
import { machineMs } from './process-figures.ts'
import { type Quantiles, quantilesOf } from './quantiles.ts'
import { openConnection, type RawConnection } from './raw-connection.ts'
import { requestText, stampIn, type Target } from './wire-texts.ts'

/** Calls `begin` `count` times, evenly over the time. Resolves when all have begun: their delays. */
function atPlannedMoments(
  { count, withinMs }: { count: number; withinMs: number },
  begin: (plannedMs: number) => void,
): Promise<number[]> {
  const lateMs: number[] = []
  const startMs = machineMs() + 10
  const { promise, resolve } = Promise.withResolvers<number[]>()
  const timer = setInterval(() => {
    while (lateMs.length < count) {
      const nowMs = machineMs()
      const plannedMs = startMs + (lateMs.length * withinMs) / count
      if (plannedMs > nowMs) return
      lateMs.push(nowMs - plannedMs)
      begin(plannedMs)
    }
    clearInterval(timer)
    resolve(lateMs)
  }, 1)
  return promise
}

export interface OpenLoopFigures extends Quantiles {
  answers: number
  failures: number
  late: Quantiles
}

export interface OpenLoopAsk {
  target: Target
  perSecond: number
  seconds: number
  bodyBytes: number
}

/** Whole answers. As many connections as it takes: a call never waits for another's. */
export async function openLoop(ask: OpenLoopAsk): Promise<OpenLoopFigures> {
  const { target, perSecond, seconds, bodyBytes } = ask
  const request = Buffer.from(requestText(target, 'whole', bodyBytes))
  const count = perSecond * seconds
  const idle: Idle[] = []
  const timesMs: number[] = []
  let failures = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const ended = () => {
    if (timesMs.length + failures === count) resolve()
  }
  const late = await atPlannedMoments({ count, withinMs: seconds * 1000 }, (plannedMs) => {
    const connection = stillOpen(idle) ?? openConnection(target.port)
    let isGood = false
    connection.send(request, {
      onHead(status) {
        isGood = status === 200
      },
      onEnd() {
        if (isGood) timesMs.push(machineMs() - plannedMs)
        else failures += 1
        idle.push({ connection, sinceMs: machineMs() })
        ended()
      },
      onClose() {
        failures += 1
        ended()
      },
    })
  })
  await promise
  for (const { connection } of idle) connection.socket.destroy()
  return { answers: timesMs.length, failures, ...quantilesOf(timesMs), late: quantilesOf(late) }
}

interface Idle {
  connection: RawConnection
  sinceMs: number
}

/** Node's servers close an idle connection after five seconds: one that is older is not used. */
const idleMsMax = 3000

function stillOpen(idle: Idle[]): RawConnection | null {
  const latest = idle.pop()
  if (latest === undefined) return null
  if (machineMs() - latest.sinceMs < idleMsMax) return latest.connection
  for (const { connection } of [latest, ...idle.splice(0)]) connection.socket.destroy()
  return null
}

export interface HoldAsk {
  target: Target
  count: number
  withinMs: number
}

export interface HoldFigures extends Quantiles {
  /** Streams whose first token came; the others' connections closed before. */
  open: number
  late: Quantiles
}

export interface Held {
  /** The time to each stream's first token. */
  figures: HoldFigures
  letGo(): void
}

/** Streams on new connections that stay open. Resolves when each has its first token. */
export async function holdStreams({ target, count, withinMs }: HoldAsk): Promise<Held> {
  const request = Buffer.from(requestText(target, 'slow'))
  const connections: RawConnection[] = []
  const firstMs: number[] = []
  let closed = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const late = await atPlannedMoments({ count, withinMs }, (plannedMs) => {
    const connection = openConnection(target.port)
    connections.push(connection)
    let hasFirst = false
    const ended = () => {
      if (firstMs.length + closed === count) resolve()
    }
    connection.send(request, {
      onBody(bytes) {
        if (hasFirst || stampIn(bytes.toString('latin1')) === null) return
        hasFirst = true
        firstMs.push(machineMs() - plannedMs)
        ended()
      },
      onEnd() {},
      onClose() {
        if (!hasFirst) closed += 1
        ended()
      },
    })
  })
  await promise
  return {
    figures: { open: firstMs.length, ...quantilesOf(firstMs), late: quantilesOf(late) },
    letGo() {
      for (const { socket } of connections) socket.destroy()
    },
  }
}
