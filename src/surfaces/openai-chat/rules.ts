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
import { choiceRules, envelopeRules, spokenRules, wholeUsage } from '../choice-rules.ts'
import type { ChoicesDialect } from '../choices-dialect.ts'
import { cacheSalt, type FieldPolicy, forcedOnStreams, tenantStripped } from '../field-policy.ts'
import { array, boolean, integer, object, type Rule, rule, text } from '../rules.ts'
import { isTokenIds, samplingRules, topLogprobsMax } from '../sampling-rules.ts'

export const structuralTag = 'structural_tag'
/** The last of these is vLLM's own. */
const formats = ['text', 'json_object', 'json_schema', structuralTag]

export const chatRules: readonly Rule[] = [
  ...samplingRules,
  integer('max_tokens', 1),
  integer('max_completion_tokens', 1),
  boolean('logprobs'),
  integer('top_logprobs', 0, topLogprobsMax),
  rule('logprob_token_ids', `up to ${topLogprobsMax} token ids`, isFewTokenIds),
  array('tools'),
  rule('tool_choice', 'none, auto, required or a function', (v) => isToolChoice(v)),
  boolean('parallel_tool_calls'),
  rule('response_format', `an object of type ${formats.join(', ')}`, isFormat),
  object('chat_template_kwargs'),
  text('reasoning_effort'),
  boolean('include_reasoning'),
]

export const chatStripped: ReadonlySet<string> = new Set(tenantStripped)

const chatDocumented: ReadonlySet<string> = new Set(
  (
    'messages model frequency_penalty presence_penalty logit_bias logprobs top_logprobs ' +
    'max_tokens max_completion_tokens n modalities audio prediction store metadata ' +
    'service_tier seed stop stream stream_options temperature top_p tools tool_choice ' +
    'parallel_tool_calls functions function_call response_format reasoning_effort verbosity ' +
    'web_search_options user safety_identifier prompt_cache_key prompt_cache_retention ' +
    'prompt_cache_options moderation'
  ).split(' '),
)

const tokenRules = [nullWhenMissing('bytes')]

const logprobItemRules = [
  ...tokenRules,
  either(filledWhenMissing('top_logprobs', '[]'), eachOf('top_logprobs', tokenRules)),
]

const logprobRules = [
  either(nullWhenMissing('content'), eachOf('content', logprobItemRules)),
  either(nullWhenMissing('refusal'), eachOf('refusal', logprobItemRules)),
]

const finishReasons = ['stop', 'length', 'tool_calls', 'content_filter', 'function_call']

const messageRules = [
  filledWhenMissing('role', '"assistant"'),
  nullWhenMissing('content'),
  nullWhenMissing('refusal'),
  droppedWhenNull('annotations'),
  droppedWhenNull('function_call'),
  droppedWhenNull('tool_calls'),
  ...spokenRules,
]

/** Only the first part of a tool call names the tool. A null in later ones is left out. */
const toolCallPartRules = [
  droppedWhenNull('id'),
  droppedWhenNull('type'),
  either(
    droppedWhenNull('function'),
    inside('function', [droppedWhenNull('name'), droppedWhenNull('arguments')]),
  ),
]

const deltaRules = [
  droppedWhenNull('role'),
  droppedWhenNull('function_call'),
  either(droppedWhenNull('tool_calls'), eachOf('tool_calls', toolCallPartRules)),
  ...spokenRules,
]

export const chatAnswers: ChoicesDialect = {
  what: 'a chat completion',
  chunkObject: 'chat.completion.chunk',
  wholeObject: 'chat.completion',
  idPrefix: 'chatcmpl',
  promptField: 'messages',
  showsNullUsage: true,
  // A chunk may say nothing. A text in `message`, where a whole answer has it, would reach nobody.
  isPart: ({ delta, message }) =>
    isJsonObject(delta) || ((delta ?? null) === null && (message ?? null) === null),
  saysSomething: ({ delta }) => isJsonObject(delta) && Object.entries(delta).some(isSaid),
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
  documented: chatDocumented,
  forced: forcedOnStreams,
  bounds: ['max_completion_tokens', 'max_tokens'],
  answer: chatAnswers.whole,
}

/** `logprob_token_ids` also asks for log probabilities, so it has the same bound. */
function isFewTokenIds(value: unknown): boolean {
  return isTokenIds(value) && value.length <= topLogprobsMax
}

/** The role is not generated; everything else is. */
function isSaid([name, value]: [string, unknown]): boolean {
  if (name === 'role') return false
  return Array.isArray(value) ? value.length > 0 : (value ?? '') !== ''
}

function isToolChoice(value: unknown): boolean {
  return value === 'none' || value === 'auto' || value === 'required' || isJsonObject(value)
}

function isFormat(value: unknown): boolean {
  return isJsonObject(value) && typeof value.type === 'string' && formats.includes(value.type)
}
