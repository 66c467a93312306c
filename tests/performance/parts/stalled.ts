// Two hundred clients that ask for 64 MB each and never read: what the gateway holds for them, what
// it takes from the upstream on their behalf, what others feel of it, and that they are cut.
import { setTimeout as delay } from 'node:timers/promises'
import { readMetric } from '../rig/gateway-process.ts'
import { rssMbOf } from '../rig/process-figures.ts'
import { median, type Verdict } from '../rig/report.ts'
import type { Contender, GatewayContender, Rig } from '../rig/rig.ts'

const stalledCount = 200
const healthyCount = 10
const slowClientMs = 20_000
const heldKbMax = 256
const mb = 1024 * 1024

interface Burden {
  /** What the upstream sent on average for each stalled client. */
  sentMb: number
  rssGrowthMb: number
}

export async function measureStalled(rig: Rig, { rounds }: { rounds: number }): Promise<Verdict[]> {
  const bare = await measureBare(rig)
  // Every place is taken by a stalled client, so that a call that gets through proves them free.
  const gateway = await rig.startGateway({ slots: stalledCount, slowClientMs })
  const calm = await rig.startGateway()
  for (const contender of [gateway, calm]) await warmUp(rig, contender)
  const burden = await stall(rig, gateway)
  const heldKb = (await readMetric(gateway.home, /^podgate_held_bytes/)) / stalledCount / 1024
  const withMs: number[] = []
  const withoutMs: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    withMs.push(await healthyDelay(rig, gateway))
    withoutMs.push(await healthyDelay(rig, calm))
  }
  return [
    {
      name: 'held for a stalled client',
      measured: `${heldKb.toFixed(0)} KB`,
      gate: `≤ ${heldKbMax} KB`,
      isMet: heldKb <= heldKbMax,
    },
    {
      name: 'sent by the upstream for one',
      measured: `${burden.sentMb.toFixed(2)} MB / ${bare.sentMb.toFixed(2)} MB`,
      gate: '≤ 1.25×',
      isMet: burden.sentMb <= bare.sentMb * 1.25,
    },
    {
      name: `RSS growth with ${stalledCount} of them`,
      measured: `${burden.rssGrowthMb.toFixed(0)} MB / ${bare.rssGrowthMb.toFixed(0)} MB`,
      gate: '≤ 32 MB more',
      isMet: burden.rssGrowthMb <= bare.rssGrowthMb + 32,
    },
    healthyVerdict(median(withMs), median(withoutMs)),
    await cutVerdict(rig, gateway),
  ]
}

/** In a rig whose bare relay ends before the gateway is measured: memory is shared by all. */
async function measureBare(rig: Rig): Promise<Burden> {
  const bare = await rig.startBare()
  await warmUp(rig, bare)
  const burden = await stall(rig, bare)
  await bare.stop()
  await rig.generator.ask('unstall', null)
  return burden
}

async function warmUp({ generator }: Rig, { target }: Contender): Promise<void> {
  await generator.ask('closedLoop', { target, connections: 32, bodyBytes: 512, durationMs: 1500 })
}

async function stall({ generator, mock }: Rig, { pid, target }: Contender): Promise<Burden> {
  const beforeMb = rssMbOf(pid)
  await generator.ask('stall', { target, count: stalledCount })
  let last = { count: 0, meanBytes: 0 }
  for (;;) {
    await delay(500)
    const now = await mock.ask('floods', null)
    // Full when all have come and nobody took more for a while.
    if (now.count === stalledCount && now.meanBytes === last.meanBytes) break
    last = now
  }
  return { sentMb: last.meanBytes / mb, rssGrowthMb: rssMbOf(pid) - beforeMb }
}

async function healthyDelay({ generator }: Rig, { target }: Contender): Promise<number> {
  const load = { target, model: 'ticks-100', count: healthyCount } as const
  const { completed, p99Ms } = await generator.ask('streams', load)
  if (completed === healthyCount) return p99Ms
  throw new Error(`${completed} of ${healthyCount} healthy streams completed`)
}

function healthyVerdict(withMs: number, withoutMs: number): Verdict {
  return {
    name: 'p99 chunk delay of a healthy client',
    measured: `${withMs.toFixed(1)} ms with them, ${withoutMs.toFixed(1)} ms without`,
    gate: '≤ 1.5× or ≤ 10 ms',
    isMet: withMs <= withoutMs * 1.5 || withMs <= 10,
  }
}

/** They are all cut for their slowness, nothing is held any more, and every place is free. */
async function cutVerdict({ generator }: Rig, gateway: GatewayContender): Promise<Verdict> {
  const { home, target } = gateway
  const untilMs = performance.now() + slowClientMs + 10_000
  let slow = 0
  while (slow < stalledCount && performance.now() < untilMs) {
    await delay(100)
    slow = await readMetric(home, /^podgate_requests_total\{.*outcome="slow_client"/)
  }
  const heldBytes = await readMetric(home, /^podgate_held_bytes/)
  await generator.ask('stall', { target, count: stalledCount })
  let running = 0
  while (running < stalledCount && performance.now() < untilMs + 10_000) {
    await delay(100)
    running = await readMetric(home, /^podgate_inflight_requests/)
  }
  const waiting = await readMetric(home, /^podgate_queue_depth/)
  return {
    name: 'stalled clients are cut',
    measured: `${slow} as slow_client, ${heldBytes} bytes held, ${running - waiting} places taken anew`,
    gate: `${stalledCount}, 0, ${stalledCount}`,
    isMet: slow === stalledCount && heldBytes === 0 && running - waiting === stalledCount,
  }
}
