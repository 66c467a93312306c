// How a deployment is asked: one folder for each kind, all behind the contract in `domain`.
import { Fault, type Upstream } from '#domain'
import type { KindContext, UpstreamKind } from './kind.ts'
import { kinds } from './kinds.ts'

export { heldAnswerBytes } from './exchange/held-bytes.ts'
export type { Credentials } from './kind.ts'
export { type UpstreamOptions, upstreamOptions } from './options.ts'

export type UpstreamKinds = Readonly<Record<string, UpstreamKind>>

export function openUpstream(context: KindContext, table: UpstreamKinds = kinds): Upstream {
  const kind = table[context.deployment.kind]
  if (kind !== undefined) return kind.open(context)
  throw new Fault('no_deployment', {
    message: 'The model’s deployment is of a kind that this gateway does not know.',
    cause: `deployment ${context.deployment.id} has kind ${context.deployment.kind}`,
  })
}

/** What is wrong with a deployment's options, a line for each mistake. */
export function checkDeployment(kind: string, options: unknown): string[] {
  const known = kinds[kind]
  if (known === undefined) {
    return [`kind: ${kind} is not one of ${Object.keys(kinds).join(', ')}`]
  }
  const result = known.optionsSchema.safeParse(options)
  if (result.success) return []
  return result.error.issues.map((one) => `options.${one.path.join('.')}: ${one.message}`)
}
