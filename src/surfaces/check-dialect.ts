// Refuses, before anything is sent, what a server of the deployment's dialect would refuse or would
// not understand. RunPod's OpenAI route drops the reason of a refusal: the client would get a 502.
import { type Call, type CallBody, Fault } from '#domain'
import { isWrittenAs } from '#wire'
import type { FieldPolicy } from './field-policy.ts'
import { safeName } from './read-body.ts'
import { invalid } from './rules.ts'

/** What is changed in the body before it is sent; null leaves a member out. */
export type Changes = Map<string, string | null>

/**
 * Runs after all other changes. Adds one of its own: for the dialect `openai`, members that are
 * null and not on OpenAI's list are left out.
 */
export function checkDialect(
  call: Call,
  dialect: string,
  fields: FieldPolicy,
  changes: Changes,
): void {
  for (const demand of call.demands) {
    if (demand.wants === 'dialect' && demand.dialect !== dialect) throw unknown(demand.param)
  }
  if (dialect === 'openai') keepToList(call.body, fields.documented, changes)
  if (dialect === 'vllm') refuseForVllm(call, fields, changes)
}

function keepToList(
  { bytes, members }: CallBody,
  documented: ReadonlySet<string>,
  changes: Changes,
): void {
  for (const member of members) {
    const { name } = member
    if (documented.has(name) || changes.get(name) === null) continue
    if (!isWrittenAs(bytes, member, 'null')) throw unknown(safeName(name))
    changes.set(name, null)
  }
}

/** Every version of vLLM checks both before it generates a token. */
function refuseForVllm(call: Call, { bounds }: FieldPolicy, changes: Changes): void {
  if (call.choices > call.prompts && numberSent('temperature', call.body, changes) === 0) {
    throw invalid('n', "'n' must be 1 where 'temperature' is 0: all choices would be the same.")
  }
  const least = numberSent('min_tokens', call.body, changes)
  if (least === null) return
  for (const bound of bounds) {
    const most = numberSent(bound, call.body, changes)
    if (most === null) continue
    // Asked for no tokens, vLLM generates one all the same.
    if (least <= Math.max(1, most)) return
    const message = `'min_tokens' must not be above ${most}, the most tokens to generate.`
    throw invalid('min_tokens', message)
  }
}

/** null: it is not sent, or is no number. */
function numberSent(name: string, { bytes, members }: CallBody, changes: Changes): number | null {
  const changed = changes.get(name)
  const member = members.find((one) => one.name === name)
  if (changed === null || (changed === undefined && member === undefined)) return null
  const text = changed ?? bytes.toString('latin1', member?.valueStart, member?.end)
  return text.trim() === 'null' || Number.isNaN(Number(text)) ? null : Number(text)
}

function unknown(param: string | null) {
  const what = param === null ? 'A member of the body' : `'${param}'`
  return new Fault('bad_request', { message: `${what} is not known to the model's server.`, param })
}
