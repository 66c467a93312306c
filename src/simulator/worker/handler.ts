// The handler of a worker: it reads a job's input as a request to vLLM, and turns vLLM's answer
// into what the job yields and how the job ends. Each generation of worker-vllm has its own:
// generation-a.ts and generation-b.ts.
import type { Chance } from '../engine/random.ts'
import type { ReplySink } from '../reply-sink.ts'
import type { Personality } from './personality.ts'
import type { PostPace } from './posts.ts'

export interface Handler {
  /** Null: the input was refused, and the sink was told. */
  request: WorkerRequest | null
  answer: ReplySink
  /** The job was stopped: it yields nothing more, and does not end. */
  stop(): void
}

export interface WorkerRequest {
  method: string
  path: string
  body: Buffer
}

/** What a handler knows of the worker that it runs in. */
export interface WorkerFacts extends PostPace, Personality {
  servedModel: string
  chance: Chance
}
