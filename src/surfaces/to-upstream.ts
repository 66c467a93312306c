// Writes the body for one attempt: the client's own bytes with a few top-level members changed.
// Usually nothing changes, and the same buffer is sent on.
import { asFault, type Call, type JsonMember, type ModelPolicy, policyOf } from '#domain'
import { isWrittenAs, type JsonChanges, spliceBytes } from '#wire'
import { type Changes, checkDialect } from './check-dialect.ts'
import type { FieldPolicy } from './field-policy.ts'
import type { Surface, UpstreamTarget } from './surface.ts'

export const noChanges: JsonChanges = new Map()

/** How a surface asks upstreams. `own` gives its own changes: they are made last and win. */
export function askedBy(
  path: string,
  fields: FieldPolicy,
  own: (call: Call, target: UpstreamTarget) => JsonChanges = () => noChanges,
): Pick<Surface, 'path' | 'fields' | 'toUpstream' | 'refusal'> {
  return {
    path,
    fields,
    toUpstream(call, target) {
      const changes = changesFor(call, target, fields, own(call, target))
      const { bytes, members } = call.body
      return { path, body: changes.size === 0 ? bytes : spliceBytes(bytes, members, changes) }
    },
    refusal(call, target) {
      try {
        changesFor(call, target, fields, own(call, target))
        return null
      } catch (cause) {
        return asFault(cause)
      }
    },
  }
}

function changesFor(
  call: Call,
  target: UpstreamTarget,
  fields: FieldPolicy,
  own: JsonChanges,
): Changes {
  const { members } = call.body
  const policy = policyOf(target)
  const changes: Changes = new Map()
  nameModel(call, target.servedName, changes)
  leaveOut(members, policy, fields, changes)
  leaveOutNulls(call, fields, changes)
  if (call.stream) force(fields.forced[target.dialect], changes)
  capTokens(call, policy.outputTokensMax, fields, changes)
  for (const [name, text] of own) {
    if (text !== null || memberOf(members, name) !== undefined) changes.set(name, text)
  }
  checkDialect(call, target.dialect, fields, changes)
  return changes
}

/** A body has few members: a search through them is faster than making an index. */
export function memberOf(members: readonly JsonMember[], name: string): JsonMember | undefined {
  for (const member of members) if (member.name === name) return member
  return undefined
}

function nameModel({ body }: Call, servedName: string, changes: Changes): void {
  const text = JSON.stringify(servedName)
  const model = memberOf(body.members, 'model')
  if (model === undefined || !isWrittenAs(body.bytes, model, text)) changes.set('model', text)
}

function leaveOut(
  members: readonly JsonMember[],
  policy: ModelPolicy,
  { stripped, byModel }: FieldPolicy,
  changes: Changes,
): void {
  for (const { name } of members) {
    // The client's options of a stream are obeyed here, and the upstream gets our own.
    if (name === 'stream_options' || stripped.has(name)) changes.set(name, null)
  }
  for (const { field, passes } of byModel) {
    if (!passes(policy) && memberOf(members, field) !== undefined) changes.set(field, null)
  }
}

/** To us and to OpenAI null means absent; some servers refuse it as a wrong type. */
function leaveOutNulls({ body }: Call, { checked }: FieldPolicy, changes: Changes): void {
  for (const member of body.members) {
    if (!isWrittenAs(body.bytes, member, 'null')) continue
    if (checked.some(({ field }) => field === member.name)) changes.set(member.name, null)
  }
}

function force(members: Readonly<Record<string, string>> = {}, changes: Changes): void {
  for (const name of Object.keys(members)) {
    const text = members[name]
    if (text !== undefined) changes.set(name, text)
  }
}

function capTokens(
  call: Call,
  max: number | null,
  { bounds }: FieldPolicy,
  changes: Changes,
): void {
  const [bound] = bounds
  const named = call.demands.filter((demand) => demand.wants === 'tokens')
  // A client may send two bounds, and some servers obey the other one: both are lowered.
  const most = Math.min(call.maxTokens ?? Number.POSITIVE_INFINITY, max ?? Number.POSITIVE_INFINITY)
  for (const { param, count } of named) if (count > most) changes.set(param, String(most))
  if (named.length === 0 && max !== null && bound !== undefined) changes.set(bound, String(max))
}
