// OpenAI's chat completions, the dialect of `POST /v1/chat/completions`.
import type { Call } from '#domain'
import { isEmptyArray, isWrittenAs, type JsonChanges } from '#wire'
import { choicesEncoder } from '../choices-encoder.ts'
import { faultBody } from '../said-by-us.ts'
import type { Surface } from '../surface.ts'
import { bodyFor, memberOf, noChanges, refusalFor } from '../to-upstream.ts'
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
  refusal: (call, target) => refusalFor(call, target, chatFields, withoutEmptyTools(call)),
  encoder: (call) => choicesEncoder(call, chatAnswers),
  fault: (fault) => faultBody(fault, chatAnswers.promptField),
}

const noTools: JsonChanges = new Map([
  ['tools', null],
  ['tool_choice', null],
])

/** vLLM refuses an empty list of tools, which OpenAI takes. Without tools, no choice is sent. */
function withoutEmptyTools({ body: { bytes, members } }: Call): JsonChanges {
  const tools = memberOf(members, 'tools')
  if (tools === undefined) return memberOf(members, 'tool_choice') ? noTools : noChanges
  return isEmptyArray(bytes, tools) || isWrittenAs(bytes, tools, 'null') ? noTools : noChanges
}
