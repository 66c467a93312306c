// Which parameters of an embeddings call are checked, which never reach an upstream, and what is
// put right in its answers: vLLM gives them an id, a birthday and a count of nothing generated.

import { isUsage } from '#wire'
import {
  type AnswerRule,
  dropped,
  droppedWhenNull,
  eachOf,
  either,
  inside,
  pinned,
} from '../answer-rules.ts'
import { answerStripped, totalTokens } from '../choice-rules.ts'
import { cacheSalt, type FieldPolicy, tenantStripped } from '../field-policy.ts'
import { integer, rule, text } from '../rules.ts'

/** The most inputs that OpenAI takes in one call. */
export const inputsMax = 2048

/** The member that holds what the model reads. */
export const promptField = 'input'

const encodings = ['float', 'base64']

/** A list such as `['float']` is no encoding. */
function isEncoding(value: unknown): boolean {
  return typeof value === 'string' && encodings.includes(value)
}

const usageRules = [
  totalTokens,
  dropped('completion_tokens'),
  dropped('completion_tokens_details'),
  droppedWhenNull('prompt_tokens_details'),
]

/** OpenAI always shows usage. Usage that cannot be read is charged as nothing. */
const usageOfNobody: AnswerRule = {
  member: 'usage',
  does: 'zeros where it cannot be read',
  applies: ({ usage }) => !isUsage(usage),
  change: () => '{"prompt_tokens":0,"total_tokens":0}',
}

export const embeddingsAnswer: readonly AnswerRule[] = [
  dropped('id'),
  dropped('created'),
  pinned('object', 'list'),
  eachOf('data', [pinned('object', 'embedding')]),
  ...answerStripped.map(dropped),
  either(usageOfNobody, inside('usage', usageRules)),
]

export const embeddingsFields: FieldPolicy = {
  checked: [
    // Both SDKs ask for base64 where their caller says nothing, and unpack it themselves.
    rule('encoding_format', encodings.join(' or '), isEncoding),
    integer('dimensions', 1),
    text('user'),
    rule('cache_salt', 'a non-empty string', (v) => typeof v === 'string' && v !== ''),
  ],
  stripped: new Set([
    ...tenantStripped,
    'chat_template_kwargs',
    // vLLM embeds conversations too, and those could name images for it to fetch.
    'messages',
    'prompt_logprobs',
    'stream',
  ]),
  byModel: [cacheSalt],
  documented: new Set(['model', 'input', 'encoding_format', 'dimensions', 'user']),
  forced: {},
  bounds: [],
  answer: embeddingsAnswer,
}
