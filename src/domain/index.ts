// The nouns of the product. This room imports nothing of ours.
//
// call         what a client asks of us; *accepted* once its reservation succeeded
// attempt      what we ask of a deployment for a call; a call has one or more
// answer       what an upstream gives back, as classified events
// model        what can be asked for; deployment: what serves it
// permit       a place at a deployment, held until the upstream's work is over
// reservation  what a key may use, taken before and settled after
// fault        a bad end, one of a fixed table
// record       what is left of a call: one, frozen
// surface      a client dialect (`openai-chat`); dialect: what an upstream is asked in (`vllm`)
export * from './abortable.ts'
export type * from './answer.ts'
export * from './api-key.ts'
export type * from './call.ts'
export * from './clock.ts'
export * from './duration.ts'
export * from './fault.ts'
export * from './ids.ts'
export * from './listener-set.ts'
export * from './model.ts'
export * from './model-policy.ts'
export * from './money.ts'
export type * from './rates.ts'
export type * from './readiness.ts'
export type * from './record.ts'
export * from './token-bound.ts'
export type * from './upstream.ts'
export * from './usage.ts'
export * from './when-empty.ts'
