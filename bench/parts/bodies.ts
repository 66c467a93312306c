// One client sends the bodies that are slowest to read, one after another on one connection, and
// somebody else asks `/health` all the while: how long that one waits.
import { setTimeout as delay } from 'node:timers/promises'
import { cpuMsOf } from '../rig/process-figures.ts'
import { openConnection, type RawConnection } from '../rig/raw-connection.ts'
import type { Verdict } from '../rig/report.ts'
import type { GatewayContender, Rig } from '../rig/rig.ts'
import type { Target } from '../rig/wire-texts.ts'
import { worstKinds } from '../rig/worst-bodies.ts'

const waitMsMax = 100
const everyMs = 5
const share = 0.99

interface Figures {
  what: string
  /** Of `/health`. */
  waitsMs: number[]
  /** The gateway's, for one body, the questions included. */
  cpuMs: number
}

export async function measureBodies(rig: Rig, { each }: { each: number }): Promise<Verdict[]> {
  const gateway = await rig.startGateway()
  const load = { target: gateway.target, connections: 8, bodyBytes: 512, durationMs: 1500 }
  await rig.generator.ask('closedLoop', load)
  const figures: Figures[] = []
  for (const kind of worstKinds) figures.push(await measureKind(rig, gateway, kind, each))
  const all = {
    what: `${figures.length} kinds of bodies`,
    waitsMs: figures.flatMap(({ waitsMs }) => waitsMs),
    cpuMs: Math.max(...figures.map(({ cpuMs }) => cpuMs)),
  }
  const slowest = figures.toSorted((one, other) => p99(other.waitsMs) - p99(one.waitsMs))
  return [verdict(all, 'most'), ...slowest.slice(0, 3).map((one) => verdict(one, 'each'))]
}

async function measureKind(
  { generator }: Rig,
  { pid, target }: GatewayContender,
  kind: string,
  count: number,
): Promise<Figures> {
  await generator.ask('makeBodies', { target, kind, count })
  const beforeMs = cpuMsOf(pid)
  const watch = watchHealth(target)
  const { unexpected } = await generator.ask('sendBodies', { target })
  const waitsMs = await watch.end()
  if (unexpected.length > 0) throw new Error(`${kind}: answered with ${unexpected}`)
  return { what: kind, waitsMs, cpuMs: (cpuMsOf(pid) - beforeMs) / count }
}

function verdict({ what, waitsMs, cpuMs }: Figures, whose: string): Verdict {
  const ms = p99(waitsMs)
  return {
    name: `p99 of /health during ${what}`,
    measured: `${ms.toFixed(1)} ms; ${cpuMs.toFixed(0)} ms CPU ${whose}`,
    gate: `≤ ${waitMsMax} ms`,
    isMet: ms <= waitMsMax,
  }
}

function p99(values: readonly number[]): number {
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
