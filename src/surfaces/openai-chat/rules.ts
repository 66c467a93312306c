// Which parameters of a chat call are checked, which never reach an upstream, and what is put right
// in its answers.
import { isJsonObject } from '#wire'
import {
  droppedWhenNull,
  eachOf,
  either,
  filledWhenMissing,
  inside,
  nullWhenMissing,
} from '../answer-rules.ts'
import { choiceRules, envelopeRules, wholeUsage } from '../choice-rules.ts'
import type { ChoicesDialect } from '../choices-encoder.ts'
import { cacheSalt, type FieldPolicy, forcedOnStreams, tenantStripped } from '../field-policy.ts'
import { array, boolean, integer, object, type Rule, rule, text } from '../rules.ts'
import { samplingRules, topLogprobsMax } from '../sampling-rules.ts'

export const chatRules: readonly Rule[] = [
  ...samplingRules,
  integer('max_tokens', 1),
  integer('max_completion_tokens', 1),
  boolean('logprobs'),
  integer('top_logprobs', 0, topLogprobsMax),
  array('tools'),
  rule('tool_choice', 'none, auto, required or a function', (v) => isToolChoice(v)),
  boolean('parallel_tool_calls'),
  rule('response_format', 'an object with a type', (v) => isJsonObject(v) && hasType(v)),
  object('chat_template_kwargs'),
  text('reasoning_effort'),
  boolean('include_reasoning'),
]

export const chatStripped: ReadonlySet<string> = new Set(tenantStripped)

const logprobRules = [nullWhenMissing('content'), nullWhenMissing('refusal')]

const finishReasons = ['stop', 'length', 'tool_calls', 'content_filter', 'function_call']

const messageRules = [
  filledWhenMissing('role', '"assistant"'),
  nullWhenMissing('content'),
  nullWhenMissing('refusal'),
  droppedWhenNull('annotations'),
  droppedWhenNull('function_call'),
  droppedWhenNull('tool_calls'),
]

const deltaRules = [droppedWhenNull('function_call'), droppedWhenNull('tool_calls')]

export const chatAnswers: ChoicesDialect = {
  what: 'a chat completion',
  chunkObject: 'chat.completion.chunk',
  wholeObject: 'chat.completion',
  idPrefix: 'chatcmpl',
  promptField: 'messages',
  showsNullUsage: true,
  // A chunk may say nothing. What it says where a whole answer says it would reach nobody.
  isPart: ({ delta, message }) =>
    isJsonObject(delta) || ((delta ?? null) === null && (message ?? null) === null),
  isChoice: ({ message }) => isJsonObject(message),
  chunk: [
    ...envelopeRules,
    eachOf('choices', [
      ...choiceRules(finishReasons),
      inside('logprobs', logprobRules),
      either(filledWhenMissing('delta', '{}'), inside('delta', deltaRules)),
    ]),
  ],
  whole: [
    ...envelopeRules,
    eachOf('choices', [
      ...choiceRules(finishReasons),
      either(nullWhenMissing('logprobs'), inside('logprobs', logprobRules)),
      inside('message', messageRules),
    ]),
    wholeUsage,
  ],
}

export const chatFields: FieldPolicy = {
  checked: chatRules,
  stripped: chatStripped,
  byModel: [cacheSalt],
  forced: forcedOnStreams,
  bounds: ['max_completion_tokens', 'max_tokens'],
  answer: chatAnswers.whole,
}

function isToolChoice(value: unknown): boolean {
  return value === 'none' || value === 'auto' || value === 'required' || isJsonObject(value)
}

function hasType(value: Record<string, unknown>): boolean {
  return typeof value.type === 'string'
}
