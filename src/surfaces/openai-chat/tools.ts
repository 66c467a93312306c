// Checks the tools of a chat and the choice among them. A tool must be a function: other servers
// also offer tools that they run themselves (a search, a sandbox). Those would cost the operator,
// and vLLM has none of them.
import type { JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import { invalid } from '../rules.ts'

/** Throws where a tool is no function, or where the choice names none of the tools. */
export function checkTools({ tools, tool_choice: choice }: JsonObject): void {
  const names = Array.isArray(tools) ? tools.map(nameOf) : []
  if (choice === undefined || choice === null || choice === 'none' || choice === 'auto') return
  if (names.length === 0) {
    throw invalid('tool_choice', "'tool_choice' is only allowed when 'tools' are given.")
  }
  if (isJsonObject(choice) && !names.includes(functionName(choice) ?? '')) {
    throw invalid('tool_choice', "'tool_choice' must name a function that is among the 'tools'.")
  }
}

function nameOf(tool: unknown, at: number): string {
  const param = `tools[${at}]`
  if (!isJsonObject(tool)) throw invalid(param, `'${param}' must be an object.`)
  const { type = 'function' } = tool
  if (type !== 'function') {
    throw invalid(`${param}.type`, `Invalid value for '${param}.type': expected 'function'.`)
  }
  const name = functionName(tool)
  if (name !== null) return name
  throw invalid(`${param}.function`, `'${param}.function' must be an object with a name.`)
}

function functionName(owner: JsonObject): string | null {
  const { function: named } = owner
  return isJsonObject(named) && typeof named.name === 'string' && named.name !== ''
    ? named.name
    : null
}
