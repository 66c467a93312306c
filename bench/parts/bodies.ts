// One client sends the bodies that are slowest to read, one after another on one connection, and
// somebody else asks `/health` all the while: how long that one waits.
import { setTimeout as delay } from 'node:timers/promises'
import { openConnection, type RawConnection } from '../rig/raw-connection.ts'
import type { Verdict } from '../rig/report.ts'
import type { Rig } from '../rig/rig.ts'
import type { Target } from '../rig/wire-texts.ts'
import { worstKinds } from '../rig/worst-bodies.ts'

const waitMsMax = 100
const everyMs = 5
/** Of the two slowest requests of a hundred, one may be anybody's. */
const share = 0.99

export async function measureBodies(rig: Rig, { each }: { each: number }): Promise<Verdict[]> {
  const { target } = await rig.startGateway()
  await rig.generator.ask('closedLoop', {
    target,
    connections: 8,
    bodyBytes: 512,
    durationMs: 1500,
  })
  const all: number[] = []
  const slowest: { kind: string; ms: number }[] = []
  for (const kind of worstKinds) {
    const watch = watchHealth(target)
    const { unexpected } = await rig.generator.ask('worstBodies', { target, kind, count: each })
    const waitsMs = await watch.end()
    if (unexpected.length > 0) throw new Error(`${kind}: answered with ${unexpected}`)
    all.push(...waitsMs)
    slowest.push({ kind, ms: quantile(waitsMs) })
  }
  slowest.sort((one, other) => other.ms - one.ms)
  return [
    verdict(`p99 of /health during ${worstKinds.length} kinds of bodies`, quantile(all)),
    ...slowest.slice(0, 3).map(({ kind, ms }) => verdict(`… during ${kind}`, ms)),
  ]
}

function verdict(name: string, ms: number): Verdict {
  const gate = `≤ ${waitMsMax} ms`
  return { name, measured: `${ms.toFixed(1)} ms`, gate, isMet: ms <= waitMsMax }
}

function quantile(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN
}

/** Asks at steady moments, also while an answer is outstanding: each that waits is counted. */
function watchHealth(target: Target): { end(): Promise<number[]> } {
  const request = `GET /health HTTP/1.1\r\nhost: 127.0.0.1:${target.port}\r\n\r\n`
  const idle: RawConnection[] = []
  const opened: RawConnection[] = []
  const waitsMs: number[] = []
  let waiting = 0
  function ask(): void {
    const startMs = performance.now()
    const connection = idle.pop() ?? openConnection(target.port)
    if (!opened.includes(connection)) opened.push(connection)
    waiting += 1
    connection.send(request, {
      onEnd() {
        waiting -= 1
        waitsMs.push(performance.now() - startMs)
        idle.push(connection)
      },
    })
  }
  const timer = setInterval(ask, everyMs)
  return {
    async end() {
      clearInterval(timer)
      while (waiting > 0) await delay(everyMs)
      for (const { socket } of opened) socket.destroy()
      return waitsMs
    },
  }
}
