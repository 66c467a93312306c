// What a completion's body must be, and what is read out of it.
import { describe, expect, test } from 'vitest'
import { atOnce } from '../../support/pieces.ts'
import { callOf, refusalOf, surfaceNamed } from '../../support/surface-call.ts'

const completions = surfaceNamed('openai-completions')

function read(given: Record<string, unknown>) {
  return atOnce(
    completions.read(Buffer.from(JSON.stringify({ model: 'm', prompt: 'Once', ...given }))),
  )
}

const thousand = Array.from({ length: 1024 }, () => 'a')

/* biome-ignore format: a table reads as a table */
describe('counts prompts and choices', () => {
  test.each([
    ['a text',               { prompt: 'Once' },                          1,    1],
    ['token ids',            { prompt: [504, 3575, 282] },                1,    1],
    ['one token id',         { prompt: [0] },                             1,    1],
    ['texts',                { prompt: ['a', '', 'b'] },                  3,    3],
    ['lists of token ids',   { prompt: [[1, 2], [3]] },                   2,    2],
    ['texts, several each',  { prompt: ['a', 'b'], n: 3 },                2,    6],
    ['as many as there may', { prompt: thousand },                        1024, 1024],
  ])('of %s', (_what, given, prompts, choices) => {
    expect(read(given)).toMatchObject({ prompts, choices })
  })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['missing',                 { prompt: undefined },            'prompt'],
  ['null',                    { prompt: null },                 'prompt'],
  ['empty',                   { prompt: '' },                   'prompt'],
  ['a number',                { prompt: 5 },                    'prompt'],
  ['an object',               { prompt: {} },                   'prompt'],
  ['an empty list',           { prompt: [] },                   'prompt'],
  ['a list of objects',       { prompt: [{}] },                 'prompt[0]'],
  ['a text among token ids',  { prompt: [1, 'a'] },             'prompt'],
  ['a token id among texts',  { prompt: ['a', 1] },             'prompt[1]'],
  ['a text among lists',      { prompt: [[1], 'a'] },           'prompt[1]'],
  ['an empty list of ids',    { prompt: [[1], []] },            'prompt[1]'],
  ['a negative token id',     { prompt: [1, -1] },              'prompt'],
  ['half a token id',         { prompt: [[0.5]] },              'prompt[0]'],
  ['too long a list',         { prompt: [...thousand, 'a'] },   'prompt'],
])('a prompt that is %s is refused', (_what, given, param) => {
  expect(refusalOf(() => read(given))).toMatchObject({ kind: 'bad_request', param })
})

/* biome-ignore format: a table reads as a table */
const cases = {
  stream:             { good: [true, false],       bad: [1, 'true'] },
  stream_options:     { good: [{}],                bad: [true, []],            beside: { stream: true } },
  n:                  { good: [1, 8],              bad: [0, 9, '1'] },
  temperature:        { good: [0, 2],              bad: [-1, 2.1, '1'] },
  top_p:              { good: [0.1, 1],            bad: [0, 1.1] },
  presence_penalty:   { good: [-2, 2],             bad: [3] },
  frequency_penalty:  { good: [-2, 2],             bad: [3] },
  seed:               { good: [0, -1],             bad: [0.5, '1'] },
  logit_bias:         { good: [{}],                bad: [[]] },
  stop:               { good: ['a', ['a', 'b']],   bad: ['', ['a', 'b', 'c', 'd', 'e']] },
  user:               { good: ['u'],               bad: [1] },
  top_k:              { good: [-1, 0, 5],          bad: [-2] },
  min_p:              { good: [0, 1],              bad: [2] },
  repetition_penalty: { good: [1.1],               bad: [0] },
  min_tokens:         { good: [0],                 bad: [-1] },
  stop_token_ids:     { good: [[1]],               bad: ['1'] },
  ignore_eos:         { good: [true],              bad: ['yes'] },
  structured_outputs: { good: [{ regex: 'a' }],    bad: ['a'] },
  cache_salt:         { good: ['s'],               bad: [''] },
  prompt_logprobs:    { good: [],                  bad: [0, 1] },
  max_tokens:         { good: [1, 100],            bad: [-1, 0.5, '1'] },
  logprobs:           { good: [0, 5, 20],          bad: [-1, 21, true] },
  echo:               { good: [true, false],       bad: ['true'] },
  best_of:            { good: [1],                 bad: [0, 2, 9, '1'] },
  suffix:             { good: ['', 'x'],           bad: [1] },
} as Record<string, { good: unknown[]; bad: unknown[]; beside?: Record<string, unknown> }>

test('the table names every rule there is', () => {
  const rules = completions.fields.checked.map(({ field }) => field)
  expect(Object.keys(cases).sort()).toEqual([...rules].sort())
})

describe.each(Object.entries(cases))('%s', (field, { good, bad, beside = {} }) => {
  test.each([null, ...good].map((value) => [value]))('may be %j', (value) => {
    expect(() => read({ ...beside, [field]: value })).not.toThrow()
  })

  test.each(bad.map((value) => [value]))('may not be %j, and the refusal names it', (value) => {
    const fault = refusalOf(() => read({ ...beside, [field]: value }))
    expect(fault).toMatchObject({ kind: 'bad_request', param: field })
    expect(fault.message).toContain(field)
  })
})

describe('rules between members', () => {
  test('nothing may be generated only where the prompt is echoed', () => {
    expect(() => read({ max_tokens: 0, echo: true })).not.toThrow()
    expect(refusalOf(() => read({ max_tokens: 0 }))).toMatchObject({ param: 'max_tokens' })
  })

  test('the best of as many as are returned is all of them', () => {
    expect(() => read({ best_of: 3, n: 3 })).not.toThrow()
    expect(refusalOf(() => read({ best_of: 3, n: 2 }))).toMatchObject({ param: 'best_of' })
  })

  test('options of a stream need a stream', () => {
    const refused = refusalOf(() => read({ stream_options: { include_usage: true } }))
    expect(refused).toMatchObject({ param: 'stream_options' })
  })
})

test('reads the facts of a stream', () => {
  const body = {
    model: 'm',
    prompt: ['a', 'b'],
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: 7,
    user: 'somebody',
  }
  expect(callOf(completions, body)).toMatchObject({
    modelId: 'm',
    stream: true,
    wantsUsage: true,
    choices: 2,
    maxTokens: 7,
    endUserHash: expect.stringMatching(/^[\da-f]{16}$/),
    demands: [
      { wants: 'tokens', param: 'max_tokens', count: 7 },
      { wants: 'sequences', param: 'prompt', count: 2 },
    ],
  })
})
