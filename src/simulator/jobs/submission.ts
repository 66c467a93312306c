// What a client hands in to `/run` and `/runsync`: the input, a webhook, and the policy of the job.
// The platform checks the bounds of a policy and nothing about the input, so an empty input is
// taken, although no worker will ever want it.
import { z } from 'zod'
import { type JobSubmission, parseObject } from '#wire'

export interface Submission {
  readonly input: JobSubmission['input']
  readonly webhook: string | null
  readonly policy: {
    /** From the submission on, whatever became of the job by then. */
    readonly ttlMs: number
    /** While it runs; null: what the endpoint says. */
    readonly executionTimeoutMs: number | null
    readonly lowPriority: boolean
  }
}

const weekMs = 7 * 24 * 60 * 60_000
export const ttlBoundsMs = { min: 10_000, max: weekMs }

const duration = (minMs: number) => z.int().min(minMs).max(weekMs).optional()

const submission = z.object({
  input: z.record(z.string(), z.unknown()),
  webhook: z.url({ protocol: /^https?$/ }).optional(),
  policy: z
    .object({
      executionTimeout: duration(5000),
      ttl: duration(ttlBoundsMs.min),
      lowPriority: z.boolean().optional(),
    })
    .default({}),
})

/** A text instead: why it is refused. */
export function readSubmission(body: Buffer, ttlMs: number): Submission | string {
  const value = parseObject(body.toString('utf8'))
  if (value === null) return 'the body must be a JSON object with an `input` object'
  const read = submission.safeParse(value)
  if (!read.success) return whatIsWrong(read.error)
  const { input, webhook, policy } = read.data
  return {
    input,
    webhook: webhook ?? null,
    policy: {
      ttlMs: policy.ttl ?? ttlMs,
      executionTimeoutMs: policy.executionTimeout ?? null,
      lowPriority: policy.lowPriority ?? false,
    },
  }
}

function whatIsWrong(error: z.ZodError): string {
  const [issue] = error.issues
  return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`
}
