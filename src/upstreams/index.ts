// How a deployment is asked: one folder for each kind, all behind the contract in `domain`.
import { type Deployment, Fault, type Upstream } from '#domain'
import type { KindContext, KindSettings, UpstreamKind, UpstreamKinds } from './kind.ts'
import { kinds } from './kinds.ts'

export { heldAnswerBytes } from './exchange/held-bytes.ts'
export type { KindSettings, SimulatorDoor, UpstreamKinds } from './kind.ts'
export { kinds } from './kinds.ts'
export { type UpstreamOptions, upstreamOptions } from './options.ts'

/** Throws if the registry holds a deployment that this version of Podgate does not know. */
export function openUpstream(context: KindContext, table: UpstreamKinds = kinds): Upstream {
  const { id, kind, options } = context.deployment
  const mistakes = checkDeployment(kind, options, table)
  const known = kindOf(kind, table)
  if (known !== undefined && mistakes.length === 0) return known.open(context)
  throw new Fault('no_deployment', {
    message: 'The model’s deployment is defined in a way that this gateway does not know.',
    cause: `deployment ${id}: ${mistakes.join('; ')}`,
  })
}

/** What is wrong with a deployment's options, a line for each mistake. */
export function checkDeployment(
  kind: string,
  options: unknown,
  table: UpstreamKinds = kinds,
): string[] {
  const known = kindOf(kind, table)
  if (known === undefined) {
    return [`kind: ${kind} is not one of ${Object.keys(table).join(', ')}`]
  }
  const result = known.optionsSchema.safeParse(options)
  if (result.success) return []
  return result.error.issues.map((one) => `options.${one.path.join('.')}: ${one.message}`)
}

/** The origins that calls of a deployment go to, its credentials with them. Unknown kind: none. */
export function originsOf(
  { kind, options }: Pick<Deployment, 'kind' | 'options'>,
  settings: KindSettings,
  table: UpstreamKinds = kinds,
): string[] {
  return kindOf(kind, table)?.originsOf(options, settings) ?? []
}

/** Own members only: every object has a member `constructor`, which is no kind. */
function kindOf(name: string, table: UpstreamKinds): UpstreamKind | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}
