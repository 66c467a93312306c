// How long a worker's start takes, phase by phase. Fixed starts are for people who wait for them;
// mixed ones are drawn as they are seen on the platform: FlashBoot in seconds, a host that has the
// model in minutes, a network volume in many.
import type { BootPlan } from '../control/fault-plan.ts'
import type { EndpointSettings, Span } from '../endpoint/fleet-options.ts'
import type { Chance } from '../engine/random.ts'

/** The whole times, where a plan has what is added to them. */
export type BootTime = BootPlan

type Shares = readonly [start: number, load: number]

const fixedShares: Shares = [0.1, 0.6]
const cachedShares: Shares = [0.1, 0.4]
const volumeShares: Shares = [0.05, 0.75]
/** FlashBoot brings back a container with its weights and graphs. */
const flashBootShares: Shares = [1, 0]
/** The 95th percentile of a lognormal lies so many standard deviations above the median. */
const ninetyFifth = 1.645

export function bootTime(settings: EndpointSettings, chance: Chance, faults: BootPlan): BootTime {
  const throttled = drawShare(chance, settings.throttledShare)
  const crashes = drawShare(chance, settings.crashShare)
  const { pullMs, totalMs, shares } = drawStart(settings, chance)
  const startMs = Math.round(totalMs * shares[0])
  const loadMs = Math.round(totalMs * shares[1])
  return {
    throttledMs: (throttled ? drawSpan(chance, settings.throttledTime) : 0) + faults.throttledMs,
    pullMs: pullMs + faults.pullMs,
    startMs: startMs + faults.startMs,
    loadMs: loadMs + faults.loadMs,
    warmUpMs: totalMs - startMs - loadMs + faults.warmUpMs,
    crashes: crashes || faults.crashes,
    engineDead: faults.engineDead,
  }
}

/** True with this chance; certain things draw nothing, so that a knob at rest changes no run. */
function drawShare(chance: Chance, share: number): boolean {
  return share > 0 && (share >= 1 || chance.next() < share)
}

export function drawSpan(chance: Chance, { medianMs, leastMs, mostMs }: Span): number {
  if (mostMs <= leastMs || medianMs === 0) return medianMs
  const deviation = Math.log(Math.max(mostMs / medianMs, 1)) / ninetyFifth
  const normal = Math.sqrt(-2 * Math.log(1 - chance.next())) * Math.cos(2 * Math.PI * chance.next())
  return Math.round(Math.min(mostMs, Math.max(leastMs, medianMs * Math.exp(deviation * normal))))
}

function drawStart(
  settings: EndpointSettings,
  chance: Chance,
): { pullMs: number; totalMs: number; shares: Shares } {
  if (settings.coldStarts === 'fixed') {
    return { pullMs: 0, totalMs: settings.coldMs, shares: fixedShares }
  }
  if (drawShare(chance, settings.flashBootShare)) {
    const totalMs = drawSpan(chance, settings.flashBootTime)
    return { pullMs: 0, totalMs, shares: flashBootShares }
  }
  const pullMs = drawSpan(chance, settings.pullTime)
  if (drawShare(chance, settings.volumeBootShare)) {
    return { pullMs, totalMs: drawSpan(chance, settings.volumeBootTime), shares: volumeShares }
  }
  return { pullMs, totalMs: drawSpan(chance, settings.cachedBootTime), shares: cachedShares }
}
