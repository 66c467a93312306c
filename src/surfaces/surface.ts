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

/** Writes one call's answer and remembers what it wrote. Each call has an encoder of its own. */
export interface Encoder {
  /** The client's bytes for an event; null: the client gets nothing. Throws a Fault. */
  take(event: UpstreamEvent): string | null
  /** A comment that shows the client that its call is alive. */
  heartbeat(progress: Progress): string
  /** Every expected choice has its finish reason. */
  isComplete(): boolean
  /** The usage that was delivered so far, as far as it is known. */
  usage(): Usage
  /** What a complete answer still lacks: usage, if the client asked for it, and the end mark. */
  end(note: string): string
  /** One error event; nothing may follow it. */
  failed(fault: Fault): string
}

export interface Surface {
  name: string
  path: string
  /** What happens to each member of a body. */
  fields: FieldPolicy
  /**
   * Reads the facts that we act on from a body, a large one in several pieces. Throws a Fault that
   * names the parameter.
   */
  read(body: Buffer): Pieces<CallFacts>
  toUpstream(call: Call, target: UpstreamTarget): UpstreamAsk
  /** The fault that `toUpstream` would throw; null: none. */
  refusal(call: Call, target: UpstreamTarget): Fault | null
  encoder(call: Call): Encoder
  /** A fault as a whole body, in this dialect. */
  fault(fault: Fault): string
}
