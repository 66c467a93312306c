// What can be set about the vLLM server of an endpoint: the flags that a real one is started with,
// under names of ours, and how much room its GPU has left for the keys and values of tokens.
import { z } from 'zod'
import { amount, count, off, share } from '../knobs.ts'

export const engineOptions = z.strictObject({
  version: z
    .string()
    .regex(/^\d+\.\d+\.\d+$/)
    .default('0.32.0')
    .describe('What /version says. Before 0.32.0 a full queue is never refused.'),
  kvTokens: amount.describe(
    'Tokens that fit into GPU memory at a time; then calls are preempted. 0: no limit.',
  ),
  queuedRequestsMax: amount.describe(
    '--max-num-queued-reqs: with so many unfinished calls, 503 busy. 0: no limit.',
  ),
  queuedTokensMax: amount.describe(
    '--max-num-queued-tokens: the same by their prompt tokens. 0: no limit.',
  ),
  shutdownTimeoutMs: amount.describe(
    '--shutdown-timeout: so long may calls go on when the server is told to stop.',
  ),
  requestIdHeaders: off.describe('--enable-request-id-headers: every answer carries x-request-id.'),
  forceUsage: off.describe(
    '--enable-force-include-usage: every chunk of every stream carries usage.',
  ),
  promptDetails: off.describe(
    '--enable-prompt-tokens-details: usage says how many tokens were cached.',
  ),
  dimensions: z
    .array(count)
    .default([])
    .describe('The dimensions that a Matryoshka model takes; empty: any.'),
})

/** For all endpoints, because it is of the worker and not of its server. */
export const lostCancelShare = share
  .default(0)
  .describe('The share of cancelled streams whose generation goes on. Recorded: 1 in 19.')

export type EngineOptions = z.output<typeof engineOptions>

/** Whether a version is at least another. */
export function isVersionFrom(version: string, least: string): boolean {
  const given = version.split('.').map(Number)
  const wanted = least.split('.').map(Number)
  const differs = given.findIndex((part, at) => part !== wanted[at])
  return differs === -1 || (given[differs] ?? 0) > (wanted[differs] ?? 0)
}
