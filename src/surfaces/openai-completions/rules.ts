// Which parameters of a completion are checked, which never reach an upstream, and what is put
// right in its answers.
import { eachOf, filledWhenMissing, nullWhenMissing } from '../answer-rules.ts'
import { choiceRules, envelopeRules, wholeUsage } from '../choice-rules.ts'
import type { ChoicesDialect } from '../choices-dialect.ts'
import { cacheSalt, type FieldPolicy, forcedOnStreams, tenantStripped } from '../field-policy.ts'
import { boolean, integer, text } from '../rules.ts'
import { choicesMax, samplingRules, topLogprobsMax } from '../sampling-rules.ts'

/** The most prompts that vLLM takes in one call. */
export const promptsMax = 1024

const choices = eachOf('choices', [
  ...choiceRules(['stop', 'length', 'content_filter']),
  nullWhenMissing('logprobs'),
  filledWhenMissing('text', '""'),
])

export const completionAnswers: ChoicesDialect = {
  what: 'a completion',
  chunkObject: 'text_completion',
  wholeObject: 'text_completion',
  idPrefix: 'cmpl',
  promptField: 'prompt',
  // OpenAI's own shape of a completion has no null there.
  showsNullUsage: false,
  isPart: ({ text = null }) => text === null || typeof text === 'string',
  saysSomething: ({ text }) => typeof text === 'string' && text !== '',
  isChoice: ({ text }) => typeof text === 'string',
  chunk: [...envelopeRules, choices],
  whole: [...envelopeRules, choices, wholeUsage],
}

export const completionFields: FieldPolicy = {
  checked: [
    ...samplingRules,
    integer('max_tokens', 0),
    integer('logprobs', 0, topLogprobsMax),
    boolean('echo'),
    integer('best_of', 1, choicesMax),
    text('suffix'),
  ],
  stripped: new Set([
    ...tenantStripped,
    // A completion has no template, and vLLM no best of several.
    'chat_template_kwargs',
    'best_of',
  ]),
  byModel: [cacheSalt],
  documented: new Set(
    (
      'model prompt best_of echo frequency_penalty logit_bias logprobs max_tokens n ' +
      'presence_penalty seed stop stream stream_options suffix temperature top_p user'
    ).split(' '),
  ),
  forced: forcedOnStreams,
  bounds: ['max_tokens'],
  answer: completionAnswers.whole,
}
