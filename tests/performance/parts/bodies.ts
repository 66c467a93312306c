// One client sends the bodies that are slowest to read, one after another on one connection, and
// somebody else asks `/health` all the while: how long that one waits.
import { cpuMsOf } from '../rig/process-figures.ts'
import { openConnection, type RawConnection } from '../rig/raw-connection.ts'
import type { Verdict } from '../rig/report.ts'
import type { GatewayContender, Rig } from '../rig/rig.ts'
import type { Target } from '../rig/wire-texts.ts'
import { worstKinds } from '../rig/worst-bodies.ts'

const waitMsMax = 100
const everyMs = 5
/** So many wait at once where nothing is answered for two seconds. */
const connectionsMax = 400
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
  const health = await openHealth(gateway.target)
  // A first round so that what is measured is not how fast the code is compiled.
  for (const kind of worstKinds) await measureKind(rig, gateway, health, kind, 1)
  for (const kind of worstKinds) figures.push(await measureKind(rig, gateway, health, kind, each))
  health.close()
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
  health: Health,
  kind: string,
  count: number,
): Promise<Figures> {
  await generator.ask('makeBodies', { target, kind, count })
  const beforeMs = cpuMsOf(pid)
  const watch = health.watch()
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

interface Health {
  watch(): { end(): Promise<number[]> }
  close(): void
}

/** Whoever asks has connections already: a new one waits for a turn to be accepted, and for another. */
async function openHealth(target: Target): Promise<Health> {
  const request = `GET /health HTTP/1.1\r\nhost: 127.0.0.1:${target.port}\r\n\r\n`
  const idle = Array.from({ length: connectionsMax }, () => openConnection(target.port))
  const all = [...idle]
  const ask = (connection: RawConnection) =>
    new Promise<void>((onEnd) => connection.send(request, { onEnd }))
  await Promise.all(all.map(ask))
  return {
    watch() {
      const waits: Promise<number>[] = []
      async function askOne(): Promise<number> {
        const startMs = performance.now()
        const connection = idle.pop()
        if (connection === undefined) throw new Error('every connection waits for its answer')
        await ask(connection)
        idle.push(connection)
        return performance.now() - startMs
      }
      // At steady moments, also while an answer is outstanding: each that waits is counted.
      const timer = setInterval(() => waits.push(askOne()), everyMs)
      return {
        end() {
          clearInterval(timer)
          return Promise.all(waits)
        },
      }
    },
    close() {
      for (const { socket } of all) socket.destroy()
    },
  }
}
