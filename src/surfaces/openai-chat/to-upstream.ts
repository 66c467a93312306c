// The body for one attempt: the client's own text with a few top-level members changed.
import type { Call } from '#domain'
import { type JsonChanges, spliceMembers } from '#wire'
import type { UpstreamAsk, UpstreamTarget } from '../surface.ts'
import { chatStripped } from './rules.ts'

/** Usage is always asked for: it is what a call costs. */
const streamOptions: Readonly<Record<string, string>> = {
  openai: '{"include_usage":true}',
  // The running count is how a client that leaves is billed for what it got.
  vllm: '{"include_usage":true,"continuous_usage_stats":true}',
}

export function chatToUpstream(call: Call, target: UpstreamTarget): UpstreamAsk {
  const { text, members } = call.body
  const body = spliceMembers(text, members, changesFor(call, target))
  return { path: '/v1/chat/completions', body: Buffer.from(body) }
}

function changesFor(call: Call, target: UpstreamTarget): JsonChanges {
  const changes = new Map<string, string | null>()
  changes.set('model', JSON.stringify(target.servedName))
  changes.set('stream_options', call.stream ? (streamOptions[target.dialect] ?? null) : null)
  for (const member of call.body.members) {
    if (chatStripped.has(member.name) || isEmptyTools(call, member)) changes.set(member.name, null)
  }
  return changes
}

/** OpenAI takes an empty list of tools, vLLM refuses it; `tool_choice` makes no sense without. */
function isEmptyTools(call: Call, member: Call['body']['members'][number]): boolean {
  if (member.name !== 'tools' && member.name !== 'tool_choice') return false
  const tools = call.body.members.find((one) => one.name === 'tools')
  if (tools === undefined) return true
  return /^(\[\s*\]|null)$/.test(call.body.text.slice(tools.valueStart, tools.end))
}
