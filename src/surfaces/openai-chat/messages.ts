// The messages of a chat, as far as we act on them: each has a role and readable content.
import { chatRoles, chatRolesMax, type Demand, type JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import { invalid } from '../rules.ts'
import { readParts } from './content-parts.ts'

const usualRoles: ReadonlySet<string> = new Set(chatRoles)

/** Adds what the messages need of their model to `demands`. Throws where they are no messages. */
export function readMessages(messages: unknown, demands: Demand[]): void {
  if (messages === undefined) throw invalid('messages', "Missing required parameter: 'messages'.")
  if (!Array.isArray(messages) || messages.length === 0) {
    throw invalid('messages', "Invalid value for 'messages': expected a non-empty array.")
  }
  /** Roles that only some models take; each becomes one demand. */
  const unusual = new Set<string>()
  for (let at = 0; at < messages.length; at += 1) {
    const message: unknown = messages[at]
    if (!isJsonObject(message)) {
      throw invalid(`messages[${at}]`, `'messages[${at}]' must be an object with a role.`)
    }
    readRole(message.role, at, unusual, demands)
    readContent(message, at, demands)
  }
}

function readRole(role: unknown, at: number, unusual: Set<string>, demands: Demand[]): void {
  const param = `messages[${at}].role`
  if (typeof role !== 'string') throw invalid(param, `'${param}' must be a string.`)
  if (usualRoles.has(role) || unusual.has(role)) return
  if (unusual.size === chatRolesMax)
    throw invalid(param, `'${param}' is one more role than any model takes.`)
  unusual.add(role)
  demands.push({ wants: 'role', param, role })
}

function readContent({ role, content }: JsonObject, at: number, demands: Demand[]): void {
  if (typeof content === 'string' || content === undefined) return
  if (Array.isArray(content)) return readParts(content, at, demands)
  // An assistant that called a tool may have said nothing beside it.
  if (content === null && (role === 'assistant' || role === 'function')) return
  const param = `messages[${at}].content`
  throw invalid(param, `Invalid value for '${param}': expected a string or an array of parts.`)
}
