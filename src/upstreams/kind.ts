// What a kind of upstream is: a schema for its options, and a way to open it.

import type { z } from 'zod'
import type { Clock, Deployment, Upstream } from '#domain'
import type { UpstreamOptions } from './options.ts'

/** Credentials by the name under which a deployment's options ask for them. */
export type Credentials = (name: string) => string | null

export interface KindContext {
  deployment: Deployment
  /** What the registry says of it now: slots and deadlines may change while it is open. */
  latest(): Deployment
  options: UpstreamOptions
  credentials: Credentials
  clock: Clock
}

export interface UpstreamKind {
  optionsSchema: z.ZodObject
  /** Every origin that a deployment with these options, which are good, is asked at. */
  originsOf(options: unknown, credentials: Credentials): string[]
  open(context: KindContext): Upstream
}
