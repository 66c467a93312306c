// Whose workers an endpoint has, and of which generation: worker-vllm up to 2.23 (A) ran vLLM
// inside its own process and yields whole events; from 2.24 on (B) it is a thin proxy that yields
// what it reads. The generations differ in slices, errors, routes and in what a stop reaches.
import { z } from 'zod'
import { share } from '../knobs.ts'

export const personality = {
  workers: z
    .enum(['simulated', 'external'])
    .default('simulated')
    .describe('external: real workers attach from outside, by the worker protocol.'),
  generation: z
    .enum(['a', 'b'])
    .default('b')
    .describe('Of worker-vllm: a is up to 2.23, b from 2.24 on.'),
  rawOutput: z
    .boolean()
    .default(true)
    .describe('Generation A: false yields lists of parsed chunks, as RAW_OPENAI_OUTPUT=0.'),
  honoursStop: z
    .boolean()
    .default(true)
    .describe('false: a cancelled job generates on to its end, as before version 1.10 of the SDK.'),
  sliceCutShare: share
    .default(0)
    .describe('Generation B: the share of slices that end anywhere, even inside a character.'),
}

type Shape = { [Name in keyof typeof personality]: z.output<(typeof personality)[Name]> }
export type Personality = Pick<Shape, 'generation' | 'rawOutput' | 'sliceCutShare'>
