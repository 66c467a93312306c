// Every knob of an endpoint's workers: how many, when they start and stop, how long their starts
// take and how they go wrong. Each can be set for the account and again for one endpoint.
import { z } from 'zod'
import { count, share, wholeMs } from '../knobs.ts'
import { gpuOfPool } from '../management/gpu-catalog.ts'

/** A length of time that varies: a lognormal with this median, kept within two bounds. */
const span = z.strictObject({
  medianMs: z.number().min(0),
  leastMs: z.number().min(0),
  mostMs: z.number().min(0),
})
export type Span = z.output<typeof span>

const knobs = {
  gpuPool: z
    .string()
    .refine((pool) => gpuOfPool(pool) !== undefined, 'no such pool')
    .describe('The pool that the GPUs of a worker come from.'),
  gpus: count.describe('GPUs per worker.'),
  workersMin: z.int().min(0).describe('Workers that are always up.'),
  workersMax: z.int().min(0).describe('Workers per endpoint.'),
  idleTimeoutMs: count.describe('An idle worker stops after this. RunPod: 5,000.'),
  slotsPerWorker: count.describe('Jobs that a worker takes at a time.'),
  executionTimeoutMs: count.describe('A job running longer fails.'),
  scaler: z.enum(['REQUEST_COUNT', 'QUEUE_DELAY']).describe('What starts workers.'),
  requestCount: count
    .nullable()
    .describe('REQUEST_COUNT: jobs, waiting and running, per worker. null: slotsPerWorker.'),
  queueDelayMs: wholeMs.describe('QUEUE_DELAY: a job that waited longer starts a worker.'),
  scalerTickMs: wholeMs.describe('How often the scaler looks; 0: at once. RunPod: 1,000-2,000.'),
  coldStarts: z
    .enum(['fixed', 'mixed'])
    .describe('fixed: every start takes coldMs. mixed: drawn from FlashBoot, cached and volume.'),
  coldMs: wholeMs.describe('From the first request to a worker ready.'),
  flashBootShare: share.describe('mixed: the share of starts that FlashBoot revives.'),
  flashBootTime: span.describe('How long FlashBoot takes.'),
  cachedBootTime: span.describe('mixed: a start on a host that has the model.'),
  volumeBootShare: share.describe('mixed: the share of the other starts that load from a volume.'),
  volumeBootTime: span.describe('mixed: a start that loads the model from a network volume.'),
  pullTime: span.describe('mixed: pulling the image before the container starts; not billed.'),
  bootLimitMs: count.describe('mixed: not ready by then, a worker is started anew.'),
  parkedMax: z
    .int()
    .min(0)
    .describe('Stopped workers that stay parked: counted idle and ready, revived by FlashBoot.'),
  throttledShare: share.describe('The share of starts that find no free GPU.'),
  throttledTime: span.describe('How long such a start waits for one.'),
  crashShare: share.describe('The share of starts that crash at the end of loading.'),
  crashBackoffMs: count.describe('After a crash; doubles with every crash in a row.'),
  takeTime: span.describe('From a free place and a waiting job to the job in the worker.'),
  sdkPolling: z
    .boolean()
    .describe('Take jobs as the Python SDK polls: a job just taken counts twice.'),
  lostAfterMs: wholeMs.describe('Until the platform misses a lost worker. RunPod: about 40,000.'),
  lowersMax: z
    .boolean()
    .describe('After 3 days without a job workersMax falls to 2, after 7 to 0, as on RunPod.'),
}

const between = (leastMs: number, medianMs: number, mostMs: number) => {
  return { medianMs, leastMs, mostMs }
}
const never = between(0, 0, 0)

/** The defaults are pleasant on a developer's machine; docs/simulator.md has the real values. */
export const fleetOptions = {
  gpuPool: knobs.gpuPool.default('ADA_80_PRO'),
  gpus: knobs.gpus.default(1),
  workersMin: knobs.workersMin.default(0),
  workersMax: knobs.workersMax.default(3),
  idleTimeoutMs: knobs.idleTimeoutMs.default(60_000),
  slotsPerWorker: knobs.slotsPerWorker.default(30),
  executionTimeoutMs: knobs.executionTimeoutMs.default(600_000),
  scaler: knobs.scaler.default('REQUEST_COUNT'),
  requestCount: knobs.requestCount.default(null),
  queueDelayMs: knobs.queueDelayMs.default(4000),
  scalerTickMs: knobs.scalerTickMs.default(0),
  coldStarts: knobs.coldStarts.default('fixed'),
  coldMs: knobs.coldMs.default(2000),
  flashBootShare: knobs.flashBootShare.default(0.5),
  flashBootTime: knobs.flashBootTime.default(between(1000, 5000, 10_000)),
  cachedBootTime: knobs.cachedBootTime.default(between(60_000, 120_000, 300_000)),
  volumeBootShare: knobs.volumeBootShare.default(0),
  volumeBootTime: knobs.volumeBootTime.default(between(350_000, 520_000, 800_000)),
  pullTime: knobs.pullTime.default(never),
  bootLimitMs: knobs.bootLimitMs.default(420_000),
  parkedMax: knobs.parkedMax.default(0),
  throttledShare: knobs.throttledShare.default(0),
  throttledTime: knobs.throttledTime.default(between(60_000, 600_000, 7_200_000)),
  crashShare: knobs.crashShare.default(0),
  crashBackoffMs: knobs.crashBackoffMs.default(10_000),
  takeTime: knobs.takeTime.default(never),
  sdkPolling: knobs.sdkPolling.default(false),
  lostAfterMs: knobs.lostAfterMs.default(1000),
  lowersMax: knobs.lowersMax.default(false),
}

export const fleetOverrides = z.strictObject(knobs).partial()
export type EndpointSettings = z.output<z.ZodObject<typeof knobs>>

/** What is set about the workers of one endpoint: what the account says, unless the endpoint says
 * otherwise itself. */
export function settingsOf(
  options: EndpointSettings,
  { fleet }: { readonly fleet: z.output<typeof fleetOverrides> },
): EndpointSettings {
  // The keys of an object written above are its names.
  const names = Object.keys(knobs) as (keyof EndpointSettings)[]
  const shared = Object.fromEntries(names.map((name) => [name, options[name]]))
  const own = Object.entries(fleet).filter(([, value]) => value !== undefined)
  // Every name of the fleet's options is filled from the account's, which has them all.
  return { ...shared, ...Object.fromEntries(own) } as EndpointSettings
}
