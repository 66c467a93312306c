// Which form the answer takes: prose, JSON for a schema, one of some choices, a pattern, or a call
// of a tool. With the checks that vLLM makes on the fields that say so.
import type { JsonObject } from '#domain'
import { isJsonObject } from '#wire'
import { spoken } from './chat-template.ts'
import { unknownType } from './json-text.ts'
import { hashOf } from './random.ts'
import { badRequest, badValue, invalid, literalError, missing } from './refusal.ts'
import type { Shape } from './text-request.ts'

/** In how many of ten conversations a model that may call a tool does so. */
const callsInTen = 5

export function shapeOf(body: JsonObject, messages: readonly JsonObject[]): Shape {
  const tool = toolShape(body, messages)
  if (tool !== null) return tool
  const format = isJsonObject(body.response_format) ? body.response_format : {}
  if (format.type === 'json_object') return { kind: 'json', schema: anyObject }
  if (format.type === 'json_schema' && isJsonObject(format.json_schema)) {
    return { kind: 'json', schema: format.json_schema.schema }
  }
  return structuredShape(body.structured_outputs)
}

const anyObject = {
  type: 'object',
  properties: { answer: { type: 'string' }, certain: { type: 'boolean' } },
  required: ['answer', 'certain'],
}

function structuredShape(structured: unknown): Shape {
  if (!isJsonObject(structured)) return { kind: 'prose' }
  const { choice, regex, json, json_object: object } = structured
  if (Array.isArray(choice)) return { kind: 'choice', options: choice.map(String) }
  if (typeof regex === 'string') return { kind: 'regex', pattern: regex }
  if (isJsonObject(json)) return { kind: 'json', schema: json }
  return object === true ? { kind: 'json', schema: anyObject } : { kind: 'prose' }
}

function toolShape(body: JsonObject, messages: readonly JsonObject[]): Shape | null {
  const functions = toolFunctions(body)
  const choice = body.tool_choice
  const named = isJsonObject(choice) ? chosenName(choice) : null
  const forced = choice === 'required' || named !== null
  if (functions.length === 0 || choice === 'none') return null
  const said = messages.map(spoken).join('\n')
  const last = messages.at(-1)
  if (!forced && (last?.role === 'tool' || hashOf(said) % 10 >= callsInTen)) return null
  const tool =
    functions.find((one) => one.name === named) ??
    functions[hashOf(said, 'tool') % functions.length]
  if (tool === undefined) return null
  return {
    kind: 'tool',
    name: String(tool.name),
    parameters: tool.parameters,
    forced: named !== null,
  }
}

export function checkTools(body: JsonObject): void {
  const { tools, tool_choice: choice } = body
  if (Array.isArray(tools) && tools.length === 0) {
    const rule = 'Either provide at least one tool or omit the field entirely.'
    throw badValue(`\`tools\` must not be an empty array. ${rule}`, 'tools')
  }
  if (choice === undefined || choice === null || choice === 'none') return
  if (!Array.isArray(tools)) {
    throw badValue('When using `tool_choice`, `tools` must be set.', 'tool_choice')
  }
  if (!isJsonObject(choice)) return
  const name = chosenName(choice)
  if (toolFunctions(body).some((one) => one.name === name)) return
  throw badValue(
    'The tool specified in `tool_choice` does not match any of the specified `tools`',
    'tool_choice',
  )
}

export function checkResponseFormat(body: JsonObject): void {
  const format = body.response_format
  if (!isJsonObject(format)) return
  if (format.type === 'json_schema' && !isJsonObject(format.json_schema)) {
    const message =
      "When response_format type is 'json_schema', the 'json_schema' field must be provided."
    throw badValue(message, 'response_format')
  }
  const known = ['text', 'json_object', 'json_schema', 'structural_tag']
  if (!known.includes(String(format.type))) throw unknownFormat(format)
}

/** Three kinds of format are tried, the third in two versions; each says what it missed. */
function unknownFormat(format: JsonObject) {
  const field = 'body.response_format'
  const wrongType = (expected: string) => literalError(`${field}.type`, expected, format.type)
  return invalid([
    wrongType("'text', 'json_object' or 'json_schema'"),
    wrongType("'structural_tag'"),
    missing(`${field}.format`, format),
    wrongType("'structural_tag'"),
    missing(`${field}.structures`, format),
    missing(`${field}.triggers`, format),
  ])
}

/** What the grammar compiler refuses; it looks last, when everything else was right. */
export function checkGrammar(shape: Shape): void {
  if (shape.kind === 'json') {
    const type = unknownType(shape.schema)
    if (type !== null) throw badRequest(`Grammar error: Invalid type: ${type}`)
  }
  if (shape.kind !== 'regex') return
  try {
    new RegExp(shape.pattern, 'u')
  } catch {
    throw badPattern(shape.pattern)
  }
}

function badPattern(pattern: string) {
  const open = Math.max(pattern.lastIndexOf('('), 0)
  const caret = `${' '.repeat(open)}^`
  return badRequest(
    `Grammar error: at 1(8): invalid regex "${pattern}" (in regex): regex parse error:\n` +
      `    ${pattern}\n    ${caret}\nerror: unclosed group\n   1 | start: /${pattern}/\n` +
      `              ^`,
  )
}

function toolFunctions(body: JsonObject): JsonObject[] {
  const tools = Array.isArray(body.tools) ? body.tools.filter(isJsonObject) : []
  return tools.map((tool) => tool.function).filter(isJsonObject)
}

function chosenName(choice: JsonObject): string | null {
  return isJsonObject(choice.function) ? String(choice.function.name) : null
}
