// The body for one attempt: the client's own text with a few top-level members changed.
import { type Call, policyOf } from '#domain'
import { type JsonChanges, spliceBytes, spliceMembers } from '#wire'
import type { FieldPolicy } from './field-policy.ts'
import type { UpstreamTarget } from './surface.ts'

/** From here on, copying the bytes is cheaper than writing the text anew. */
const largeBytes = 16_384

/** Changes of the surface's own come last and win. */
export function bodyFor(
  call: Call,
  target: UpstreamTarget,
  fields: FieldPolicy,
  own: JsonChanges = new Map(),
): Buffer {
  const { bytes, text, members } = call.body
  const changes = new Map<string, string | null>()
  const model = policyOf(target)
  changes.set('model', JSON.stringify(target.servedName))
  // Whatever the client sent as options of a stream has been read, and is answered by us.
  changes.set('stream_options', null)
  for (const { name } of members) if (fields.stripped.has(name)) changes.set(name, null)
  for (const { field, passes } of fields.byModel) if (!passes(model)) changes.set(field, null)
  const forced = call.stream ? fields.forced[target.dialect] : undefined
  for (const [name, value] of Object.entries(forced ?? {})) changes.set(name, value)
  capTokens(call, model.outputTokensMax, fields, changes)
  for (const [name, value] of own) changes.set(name, value)
  // Where every byte is a character, a member stands in the bytes where it stands in the text.
  const isLarge = bytes.length >= largeBytes && bytes.length === text.length
  return isLarge
    ? spliceBytes(bytes, members, changes)
    : Buffer.from(spliceMembers(text, members, changes))
}

function capTokens(
  call: Call,
  max: number | null,
  { bounds }: FieldPolicy,
  changes: Map<string, string | null>,
): void {
  const [bound] = bounds
  if (max === null || bound === undefined) return
  const named = call.demands.filter((demand) => demand.wants === 'tokens')
  for (const { param, count } of named) if (count > max) changes.set(param, String(max))
  if (named.length === 0) changes.set(bound, String(max))
}
