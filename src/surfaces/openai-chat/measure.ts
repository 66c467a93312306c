// How long a conversation is: the texts of its messages, and beside them the tools and their calls.
import type { PromptSize } from '#domain'
import { isJsonObject } from '#wire'
import type { ReadBody } from '../read-body.ts'
import { isTruncated } from '../read-fields.ts'
import { memberOf } from '../to-upstream.ts'

/** null where the messages hold media: nobody here knows how many tokens they become. */
export function measureChat({ value, body }: ReadBody): PromptSize | null {
  if (isTruncated(value) || !Array.isArray(value.messages)) return null
  const tools = memberOf(body.members, 'tools')
  const size = { param: 'messages', textBytes: 0, toolBytes: 0, tokens: 0 }
  if (tools !== undefined) size.toolBytes = tools.end - tools.valueStart
  for (const message of value.messages) {
    if (!isJsonObject(message)) continue
    const textBytes = contentBytes(message.content)
    if (textBytes === null) return null
    size.textBytes += textBytes
    size.toolBytes += callBytes(message.tool_calls)
  }
  return size
}

/** null: it holds more than text. */
function contentBytes(content: unknown): number | null {
  if (!Array.isArray(content)) return bytesOf(content)
  let sum = 0
  for (const part of content) {
    const text = typeof part === 'string' ? part : textOf(part)
    if (text === null) return null
    sum += Buffer.byteLength(text)
  }
  return sum
}

function textOf(part: unknown): string | null {
  if (!isJsonObject(part) || (part.type !== 'text' && part.type !== 'refusal')) return null
  const text = part[part.type]
  return typeof text === 'string' ? text : null
}

function callBytes(calls: unknown): number {
  if (!Array.isArray(calls)) return 0
  let sum = 0
  for (const call of calls) {
    if (isJsonObject(call) && isJsonObject(call.function)) sum += bytesOf(call.function.arguments)
  }
  return sum
}

function bytesOf(text: unknown): number {
  return typeof text === 'string' ? Buffer.byteLength(text) : 0
}
