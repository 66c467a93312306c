// How often the management API may be asked, as options take it. The defaults are the figures of
// RunPod's own example; those of real accounts differ.
import { z } from 'zod'

const requests = z.int().min(1)

export const quotaLimits = z.strictObject({ minute: requests, hour: requests, day: requests })
export type QuotaLimits = z.output<typeof quotaLimits>
