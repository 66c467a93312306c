// What vLLM's validation layer says about a chat message whose content has a wrong type. It tries
// every kind of message in turn and reports what each missed, so that one wrong field makes some
// twenty lines, of which ten are shown. The kinds at the end of the list are never among the ten.
import type { JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import { invalid, literalError, type Mistake, missing, quoted } from './refusal.ts'

interface MessageKind {
  name: string
  role: string
  /** Whether this kind takes a message without content. */
  nullable: boolean
  /** What it needs besides role and content. */
  needs: readonly string[]
}

const kinds: readonly MessageKind[] = [
  { name: 'Developer', role: 'developer', nullable: false, needs: [] },
  { name: 'System', role: 'system', nullable: false, needs: [] },
  { name: 'User', role: 'user', nullable: false, needs: [] },
  { name: 'Assistant', role: 'assistant', nullable: true, needs: [] },
  { name: 'Tool', role: 'tool', nullable: false, needs: ['tool_call_id'] },
  { name: 'Function', role: 'function', nullable: true, needs: ['name'] },
]
/** Two kinds that take any role report a wrong content twice each. */
const mistakesBeyond = 4

/** Throws for the first message that fits no kind. */
export function checkMessages(messages: readonly unknown[]): void {
  for (const [index, message] of messages.entries()) {
    if (isJsonObject(message)) checkContent(message, index)
    else throw notAMessage(message, index)
  }
}

function checkContent(message: JsonObject, index: number): void {
  const content = message.content
  if (content === undefined || typeof content === 'string' || Array.isArray(content)) return
  const free = content === null && kinds.find((kind) => kind.role === message.role)?.nullable
  if (free) return
  const mistakes = kinds.flatMap((kind) => mistakesOf(kind, message, index))
  throw invalid(mistakes, mistakes.length + mistakesBeyond)
}

/** The assistant's kind names its role before its content; the others the other way round. */
function mistakesOf(kind: MessageKind, message: JsonObject, index: number): Mistake[] {
  const param = `body.messages.${index}.ChatCompletion${kind.name}MessageParam`
  const input = quoted(message.content)
  const mistakes: Mistake[] = kind.role === 'assistant' ? wrongRole(kind, message, param) : []
  if (message.content !== null || !kind.nullable) {
    const loc = `${param}.content`
    mistakes.push({ type: 'string_type', loc, msg: 'Input should be a valid string', input })
    if (kind.name !== 'Function') {
      mistakes.push({ type: 'iterable_type', loc, msg: 'Input should be iterable', input })
    }
  }
  if (kind.role !== 'assistant') mistakes.push(...wrongRole(kind, message, param))
  for (const name of kind.needs.filter((needed) => !(needed in message))) {
    mistakes.push(missing(`${param}.${name}`, message))
  }
  return mistakes
}

function wrongRole(kind: MessageKind, message: JsonObject, param: string): Mistake[] {
  if (message.role === kind.role) return []
  return [literalError(`${param}.role`, `'${kind.role}'`, message.role)]
}

function notAMessage(message: unknown, index: number) {
  const mistakes = kinds.map((kind) => ({
    type: 'dict_type',
    loc: `body.messages.${index}.ChatCompletion${kind.name}MessageParam`,
    msg: 'Input should be a valid dictionary',
    input: quoted(message),
  }))
  return invalid(mistakes)
}
