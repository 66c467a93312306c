// The values that come as near to RunPod as is known, instead of the pleasant defaults: `--real`
// takes them all, and a flag beside it still wins. docs/simulator.md lists them, and a test
// compares.
import type { z } from 'zod'
import type { simulatorOptions } from './options.ts'

export const realOptions = {
  idleTimeoutMs: 5000,
  requestCount: 4,
  scalerTickMs: 1500,
  coldStarts: 'mixed',
  parkedMax: 2,
  takeTime: { medianMs: 120, leastMs: 50, mostMs: 400 },
  sdkPolling: true,
  lostAfterMs: 40_000,
  lowersMax: true,
  workerPostMs: 60,
  lostCancelShare: 0.05,
  edgeTimeoutMs: 100_000,
  rateLimits: true,
} satisfies z.input<typeof simulatorOptions>
