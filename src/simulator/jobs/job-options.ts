// What can be set about jobs: how long they live, how large their pieces may be, and how their end
// is told.
import { z } from 'zod'
import { count, wholeMs } from '../knobs.ts'
import { ttlBoundsMs } from './submission.ts'

export const jobOptions = {
  ttlMs: count
    .max(ttlBoundsMs.max)
    .default(24 * 60 * 60_000)
    .describe('A job is deleted so long after its submission, whatever it does by then.'),
  runRetentionMs: wholeMs
    .default(30 * 60_000)
    .describe('How long the result of a job of /run is kept.'),
  runsyncRetentionMs: wholeMs.default(60_000).describe('The same for /runsync.'),
  executionTimeoutStatus: z
    .enum(['FAILED', 'TIMED_OUT'])
    .default('FAILED')
    .describe('What a job is called that ran too long; both were reported of RunPod.'),
  streamItemMaxBytes: z
    .int()
    .min(4)
    .default(1024 * 1024)
    .describe('A larger yielded value is several items of /stream.'),
  webhookRetryMs: z
    .array(wholeMs)
    .max(10)
    .default([5000, 10_000])
    .describe('The waits before each further attempt at a webhook.'),
  webhookTimeoutMs: count.default(30_000).describe('An attempt at a webhook may take this.'),
}
