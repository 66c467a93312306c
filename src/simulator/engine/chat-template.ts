// The text that a conversation becomes before the model reads it (ChatML), so that the prompt's
// tokens are counted over what was really sent: roles, tools and tool calls too.
import type { JsonObject } from '#domain'
import { isJsonObject } from '#wire'

export function renderChat(messages: readonly JsonObject[], tools: readonly unknown[]): string {
  let text = ''
  if (tools.length > 0) text += turn('system', `# Tools\n\n${JSON.stringify(tools)}`)
  for (const message of messages) text += turn(String(message.role), spoken(message))
  return `${text}<|im_start|>assistant\n`
}

/** The text of a message: its content, the text of its parts, the calls that it made. */
export function spoken(message: JsonObject): string {
  const { content, tool_calls: calls } = message
  const parts = Array.isArray(content) ? content : [content]
  const texts = parts.map((part) => (isJsonObject(part) ? part.text : part))
  const said = texts.filter((text) => typeof text === 'string').join('\n')
  return Array.isArray(calls) && calls.length > 0 ? `${said}${JSON.stringify(calls)}` : said
}

function turn(role: string, text: string): string {
  return `<|im_start|>${role}\n${text}<|im_end|>\n`
}
