// The way of one call. Start reading at `relay-call.ts`.
export { faultHeaders, rateHeaders } from './answer-headers.ts'
export type { ClientEnd, Headers } from './client-end.ts'
export { type RelayOptions, relayOptions } from './options.ts'
export { type RelayPorts, relayCall } from './relay-call.ts'
