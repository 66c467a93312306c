// The messages of a chat, as far as we act on them: each has a role, and none may make the model's
// server fetch something on its own network unless the model allows it.
import type { Demand, JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import { invalid } from '../rules.ts'

/** Members of a content part that name their content by URL. */
const urlMembers = ['image_url', 'video_url', 'audio_url']

/** What the messages want to have fetched. Throws where they are no messages. */
export function readMessages(messages: unknown): Demand[] {
  if (messages === undefined) throw invalid('messages', "Missing required parameter: 'messages'.")
  if (!Array.isArray(messages) || messages.length === 0) {
    throw invalid('messages', "Invalid value for 'messages': expected a non-empty array.")
  }
  return messages.flatMap((message: unknown, at) => {
    if (!isJsonObject(message) || typeof message.role !== 'string') {
      throw invalid(`messages[${at}]`, `'messages[${at}]' must be an object with a role.`)
    }
    return mediaOf(message.content, `messages[${at}].content`)
  })
}

function mediaOf(content: unknown, path: string): Demand[] {
  // vLLM takes no part outside a list, but another server might.
  if (isJsonObject(content)) return mediaOf([content], path)
  if (!Array.isArray(content)) return []
  return content.flatMap((part: unknown, at) =>
    isJsonObject(part) ? urlMembers.flatMap((name) => mediaIn(part, name, `${path}[${at}]`)) : [],
  )
}

function mediaIn(part: JsonObject, name: string, path: string): Demand[] {
  const given = part[name]
  const url = isJsonObject(given) ? given.url : given
  if (url === undefined || url === null) return []
  const param = `${path}.${name}`
  if (typeof url !== 'string') throw invalid(param, `'${param}' must hold a URL as a string.`)
  if (/^data:/i.test(url)) return []
  if (/^https?:/i.test(url)) return [{ wants: 'remote-media', param }]
  // Files of the server, and whatever else its libraries can open.
  throw invalid(param, `'${param}' must be a data: URL.`)
}
