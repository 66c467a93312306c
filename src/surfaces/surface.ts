// What a client dialect must offer. A surface is pure: it reads a body into facts, writes the body
// for an upstream, and turns upstream events into the client's bytes. No sockets, no fastify.
import type { Call, CallFacts, Fault, ModelPolicy, Progress, UpstreamEvent, Usage } from '#domain'
import type { Pieces } from '#wire'
import type { FieldPolicy } from './field-policy.ts'

export interface UpstreamTarget {
  /** The dialect the upstream is asked in: `openai` or `vllm`. */
  dialect: string
  servedName: string
  /** Where the model differs from what every model allows. */
  policy?: Partial<ModelPolicy> | undefined
}

export interface UpstreamAsk {
  path: string
  body: Buffer
}

/** Writes one call's answer. Each call has its own, which remembers what went through it. */
export interface Encoder {
  /** The client's bytes for an event; null when it is not for the client. Throws a Fault. */
  take(event: UpstreamEvent): string | null
  /** A sign of life that is no answer. */
  heartbeat(progress: Progress): string
  /** Every expected choice has its finish reason. */
  isComplete(): boolean
  /** What was delivered so far, as well as it is known. */
  usage(): Usage
  /** What a complete answer still lacks: the usage the client asked for, the mark of the end. */
  end(note: string): string
  /** One error event; nothing may follow it. */
  failed(fault: Fault): string
}

export interface Surface {
  name: string
  path: string
  /** What becomes of each member of a body. */
  fields: FieldPolicy
  /**
   * The body as the facts we act on; one that is not large is a single piece. Throws a Fault that
   * names the parameter.
   */
  read(body: Buffer): Pieces<CallFacts>
  toUpstream(call: Call, target: UpstreamTarget): UpstreamAsk
  /** What `toUpstream` would throw; null: nothing. */
  refusal(call: Call, target: UpstreamTarget): Fault | null
  encoder(call: Call): Encoder
  /** A fault as a whole body, in this dialect. */
  fault(fault: Fault): string
}
