// The handler of a worker: it reads a job's input as a request to vLLM, and turns vLLM's answer
// into what it yields and how it ends. Each generation of worker-vllm has its own.
import type { JsonObject } from '#domain'
import type { Chance } from '../engine/random.ts'
import type { JobSink } from '../job-sink.ts'
import type { ReplySink } from '../reply-sink.ts'
import { generationA } from './generation-a.ts'
import { generationB } from './generation-b.ts'
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
export interface HandlerPlace extends PostPace, Personality {
  servedModel: string
  chance: Chance
}

export function openHandler(input: JsonObject, sink: JobSink, place: HandlerPlace): Handler {
  return (place.generation === 'a' ? generationA : generationB)(input, sink, place)
}
