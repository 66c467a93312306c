// The messages of a chat, as far as we act on them: each has a role and readable content, and none
// may make the model's server fetch something on its own network, show what another tenant sent it,
// or load tensors, unless the model allows it.
import type { Demand, JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import { invalid } from '../rules.ts'

/** Members of a content part that name their content by URL. */
const urlMembers = ['image_url', 'video_url', 'audio_url']

/**
 * Members of a content part that stand for content without being it. A server gives whoever names a
 * `uuid` the media that it cached under it, and takes tensors only from those it trusts: of a wrong
 * shape, they can end it.
 */
const trustedMembers = [
  'uuid',
  'image_embeds',
  'audio_embeds',
  'video_embeds',
  'prompt_embeds',
  'image_pil',
]

/** Adds what the messages want of their server. Throws where they are no messages. */
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
    readContent(message, at, demands)
  }
}

function readContent({ role, content }: JsonObject, at: number, demands: Demand[]): void {
  if (typeof content === 'string' || content === undefined) return
  if (Array.isArray(content)) return addMedia(content, at, demands)
  // An assistant that called a tool said nothing.
  if (content === null && (role === 'assistant' || role === 'function')) return
  const param = `messages[${at}].content`
  throw invalid(param, `Invalid value for '${param}': expected a string or an array of parts.`)
}

function addMedia(parts: readonly unknown[], message: number, demands: Demand[]): void {
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at]
    if (!isJsonObject(part)) continue
    const place = `messages[${message}].content[${at}]`
    for (const name of urlMembers) {
      const given = part[name]
      const url = isJsonObject(given) ? given.url : given
      if (url === undefined || url === null) continue
      const param = `${place}.${name}`
      if (mustBeFetched(url, param)) demands.push({ wants: 'remote-media', param })
    }
    for (const name of trustedMembers) {
      if ((part[name] ?? null) === null) continue
      demands.push({ wants: 'trusted-media', param: `${place}.${name}` })
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
