// What can be set about workers that attach from outside, and about the posts of all workers.
import { z } from 'zod'
import { count, wholeMs } from '../knobs.ts'

export const externalOptions = {
  workerPollMs: count
    .default(8000)
    .describe('How long a worker that asks for jobs is held when there are none.'),
  workerPingMs: z
    .int()
    .min(1000)
    .default(10_000)
    .describe('How often an external worker is told to ping; whole seconds count.'),
  workerSilentMs: count
    .default(40_000)
    .describe('A job of which an external worker says nothing for so long goes to another, once.'),
  workerPostMs: wholeMs
    .default(0)
    .describe(
      'What RunPod takes to accept a post of a worker; RunPod: 30-120. Slices grow with it.',
    ),
}
