// OpenAI's chat completions, the dialect of `POST /v1/chat/completions`.
import type { Call } from '#domain'
import { choicesEncoder } from '../choices-encoder.ts'
import { faultBody } from '../said-by-us.ts'
import type { Surface } from '../surface.ts'
import { bodyFor } from '../to-upstream.ts'
import { readChat } from './read.ts'
import { chatAnswers, chatFields } from './rules.ts'

const path = '/v1/chat/completions'

export const openaiChat: Surface = {
  name: 'openai-chat',
  path,
  fields: chatFields,
  read: readChat,
  toUpstream: (call, target) => ({
    path,
    body: bodyFor(call, target, chatFields, withoutEmptyTools(call)),
  }),
  encoder: (call) => choicesEncoder(call, chatAnswers),
  fault: (fault) => faultBody(fault, chatAnswers.promptField),
}

/** OpenAI takes an empty list of tools, vLLM refuses it; `tool_choice` makes no sense without. */
function withoutEmptyTools({ body: { text, members } }: Call): Map<string, null> {
  const tools = members.find(({ name }) => name === 'tools')
  const given = tools === undefined ? 'null' : text.slice(tools.valueStart, tools.end)
  const isEmpty = /^(\[\s*\]|null)$/.test(given)
  return isEmpty
    ? new Map([
        ['tools', null],
        ['tool_choice', null],
      ])
    : new Map()
}
