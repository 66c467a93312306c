// The messages of a chat, as far as we act on them: each has a role, and none may make the model's
// server fetch something on its own network unless the model allows it.
import type { Demand } from '#domain'
import { isJsonObject } from '#wire'
import { invalid } from '../rules.ts'

/** Members of a content part that name their content by URL. */
const urlMembers = ['image_url', 'video_url', 'audio_url']

/** Adds what the messages want to have fetched. Throws where they are no messages. */
export function readMessages(messages: unknown, demands: Demand[]): void {
  if (messages === undefined) throw invalid('messages', "Missing required parameter: 'messages'.")
  if (!Array.isArray(messages) || messages.length === 0) {
    throw invalid('messages', "Invalid value for 'messages': expected a non-empty array.")
  }
  for (let at = 0; at < messages.length; at += 1) {
    const message: unknown = messages[at]
    if (!isJsonObject(message) || typeof message.role !== 'string') {
      throw invalid(`messages[${at}]`, `'messages[${at}]' must be an object with a role.`)
    }
    const { content } = message
    if (Array.isArray(content)) addMedia(content, at, demands)
    // vLLM takes no part outside a list, but another server might.
    else if (isJsonObject(content)) addMedia([content], at, demands)
  }
}

function addMedia(parts: readonly unknown[], message: number, demands: Demand[]): void {
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at]
    if (!isJsonObject(part)) continue
    for (const name of urlMembers) {
      const given = part[name]
      const url = isJsonObject(given) ? given.url : given
      if (url === undefined || url === null) continue
      const param = `messages[${message}].content[${at}].${name}`
      if (mustBeFetched(url, param)) demands.push({ wants: 'remote-media', param })
    }
  }
}

function mustBeFetched(url: unknown, param: string): boolean {
  if (typeof url !== 'string') throw invalid(param, `'${param}' must hold a URL as a string.`)
  if (/^data:/i.test(url)) return false
  if (/^https?:/i.test(url)) return true
  // Files of the server, and whatever else its libraries can open.
  throw invalid(param, `'${param}' must be a data: URL.`)
}
