// What a chat body must be, and what is read out of it.
import { describe, expect, test } from 'vitest'
import { Fault } from '#src/domain/index.ts'
import { chatRules } from '#src/surfaces/openai-chat/rules.ts'
import { chatSurface, messages } from '../../support/chat-call.ts'
import { atOnce } from '../../support/pieces.ts'

function read(given: Record<string, unknown>) {
  return readText(JSON.stringify({ model: 'm', messages, ...given }))
}

function readText(text: string | Buffer) {
  return atOnce(chatSurface().read(Buffer.from(text)))
}

function refusal(work: () => unknown): Fault {
  try {
    work()
  } catch (cause) {
    expect(cause).toBeInstanceOf(Fault)
    return cause as Fault
  }
  throw new Error('it was not refused')
}

const type = (name: string) => ({ type: name })
const tool = { type: 'function', function: { name: 'f' } }
const untyped = { function: { name: 'g' } }
const hundred = Array.from({ length: 100 }, () => tool)
const schema = { type: 'json_schema', json_schema: { name: 's' } }

interface Case {
  good: readonly unknown[]
  bad: readonly unknown[]
  /** What else the good and bad values need to be judged alone. */
  beside?: Record<string, unknown>
}

/** Every checked field; null is always good. */
/* biome-ignore format: a table reads as a table */
const cases: Record<string, Case> = {
  stream:                { good: [true, false],                       bad: [0, 1, 'true', {}, []] },
  stream_options:        { good: [{}, { include_usage: true }, { other: 1 }], bad: [true, 'x', [], 1], beside: { stream: true } },
  n:                     { good: [1, 8],                              bad: [0, 9, -1, 1.5, '1', true, [1]] },
  max_tokens:            { good: [1, 1_000_000],                      bad: [0, -1, 0.5, '1', false, {}] },
  max_completion_tokens: { good: [1, 1_000_000],                      bad: [0, -1, 0.5, '1', false, {}] },
  temperature:           { good: [0, 0.7, 2],                         bad: [-0.1, 2.1, '1', true, []] },
  top_p:                 { good: [0.0001, 1],                         bad: [0, 1.01, -1, '1', true] },
  presence_penalty:      { good: [-2, 0, 2],                          bad: [-2.1, 2.1, '0'] },
  frequency_penalty:     { good: [-2, 0, 2],                          bad: [-2.1, 2.1, '0'] },
  seed:                  { good: [0, -1, 2 ** 53 - 1],                bad: [0.5, '1', true, 2 ** 80] },
  logprobs:              { good: [true, false],                       bad: [1, 5, 'true'] },
  top_logprobs:          { good: [0, 20],                             bad: [-1, 21, 1.5, '1', true], beside: { logprobs: true } },
  logprob_token_ids:     { good: [[], [5], Array.from({ length: 20 }, (_, at) => at)], bad: [Array.from({ length: 21 }, (_, at) => at), [-1], ['1'], 5] },
  logit_bias:            { good: [{}, { 50256: -100 }],               bad: [[], 'x', 1] },
  stop:                  { good: ['a', ['a'], ['a', 'b', 'c', 'd'], []], bad: ['', [''], ['a', 'b', 'c', 'd', 'e'], [1], 1, {}, true] },
  tools:                 { good: [[], [tool, untyped], hundred],   bad: [{}, 'x', 1, true] },
  tool_choice:           { good: ['none', 'auto', 'required', tool],     bad: ['any', '', 1, true, [], {}, untyped, { type: 'function', function: 'f' }], beside: { tools: [tool] } },
  parallel_tool_calls:   { good: [true, false],                       bad: [1, 'true', {}] },
  response_format:       { good: [type('text'), type('json_object'), schema, type('structural_tag')], bad: ['text', {}, { type: 1 }, type('yaml'), [], true] },
  top_k:                 { good: [-1, 0, 40],                         bad: [-2, 0.5, '1'] },
  min_p:                 { good: [0, 0.1, 1],                         bad: [-0.1, 1.1, '0'] },
  repetition_penalty:    { good: [0.01, 1.1],                         bad: [0, -1, '1'] },
  min_tokens:            { good: [0, 5],                              bad: [-1, 0.5, '1'] },
  stop_token_ids:        { good: [[], [0, 50_256]],                   bad: [1, ['1'], [-1], [0.5], {}] },
  ignore_eos:            { good: [true, false],                       bad: [1, 'true'] },
  structured_outputs:    { good: [{ choice: ['a', 'b'] }, { json: {}, regex: null }, {}], bad: [[], 'x', true, { regex: 'a', choice: ['a'] }] },
  cache_salt:            { good: ['s'],                               bad: ['', 1, {}] },
  prompt_logprobs:       { good: [],                                  bad: [0, 1, -1, true, '1'] },
  chat_template_kwargs:  { good: [{}, { enable_thinking: false }],    bad: ['x', [], true] },
  reasoning_effort:      { good: ['low', 'high'],                     bad: [1, {}, true] },
  include_reasoning:     { good: [true, false],                       bad: [1, 'no'] },
  user:                  { good: ['', 'somebody'],                    bad: [1, {}, true, ['a']] },
}

test('the table names every rule there is', () => {
  expect(Object.keys(cases).sort()).toEqual(chatRules.map(({ field }) => field).sort())
})

describe.each(Object.entries(cases))('%s', (field, { good, bad, beside = {} }) => {
  test.each(good.map((value) => [value]))('may be %j', (value) => {
    expect(() => read({ ...beside, [field]: value })).not.toThrow()
  })

  test.each(bad.map((value) => [value]))('may not be %j, and the refusal names it', (value) => {
    const fault = refusal(() => read({ ...beside, [field]: value }))
    expect(fault).toMatchObject({ kind: 'bad_request', param: field })
    expect(fault.message).toContain(`'${field}'`)
  })

  test('may be null', () => {
    expect(() => read({ ...beside, [field]: null })).not.toThrow()
  })
})

test('numbers that no float holds are refused as themselves', () => {
  const fault = refusal(() =>
    readText('{"model":"m","messages":[{"role":"user"}],"temperature":1e400}'),
  )
  expect(fault).toMatchObject({ kind: 'bad_request', param: 'temperature' })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['no model',                    { model: undefined },                             'model'],
  ['an empty model',              { model: '' },                                    'model'],
  ['a model of null',             { model: null },                                  'model'],
  ['a model that is a number',    { model: 7 },                                     'model'],
  ['no messages',                 { messages: undefined },                          'messages'],
  ['messages of null',            { messages: null },                               'messages'],
  ['a text for messages',         { messages: 'Hi' },                               'messages'],
  ['empty messages',              { messages: [] },                                 'messages'],
  ['a message that is a text',    { messages: ['Hi'] },                             'messages[0]'],
  ['a message of null',           { messages: [messages[0], null] },                'messages[1]'],
  ['a message without a role',    { messages: [messages[0], { content: 'Hi' }] },   'messages[1].role'],
  ['a message with role 7',       { messages: [{ role: 7 }] },                      'messages[0].role'],
  ['stream_options, no stream',   { stream_options: {} },                           'stream_options'],
  ['stream_options, stream off',  { stream_options: {}, stream: false },            'stream_options'],
  ['top_logprobs, no logprobs',   { top_logprobs: 1 },                              'top_logprobs'],
  ['top_logprobs, logprobs off',  { top_logprobs: 1, logprobs: false },             'top_logprobs'],
  ['required tools, none given',  { tool_choice: 'required' },                      'tool_choice'],
  ['required tools, empty list',  { tool_choice: 'required', tools: [] },           'tool_choice'],
  ['a chosen tool, none given',   { tool_choice: tool },                            'tool_choice'],
  ['a chosen tool of no list',    { tool_choice: tool, tools: [untyped] },          'tool_choice'],
  ['a tool that is no object',    { tools: [tool, 'f'] },                           'tools[1]'],
  ['a tool without a function',   { tools: [type('function')] },                    'tools[0].function'],
  ['a tool without a name',       { tools: [{ function: { name: '' } }] },          'tools[0].function'],
  ['a tool of the server',        { tools: [type('web_search')] },                  'tools[0].type'],
  ['a schema that is not there',  { response_format: type('json_schema') },         'response_format.json_schema'],
  ['a schema without a name',     { response_format: { ...schema, json_schema: {} } }, 'response_format.json_schema'],
  ['a number for content',        { messages: [messages[0], { role: 'user', content: 5 }] }, 'messages[1].content'],
  ['content of null',             { messages: [{ role: 'user', content: null }] },  'messages[0].content'],
  ['content outside a list',      { messages: [{ role: 'user', content: { type: 'text', text: 'x' } }] }, 'messages[0].content'],
  ['usage wanted by a text',      { stream: true, stream_options: { include_usage: 'yes' } }, 'stream_options.include_usage'],
])('refuses %s by name', (_what, given, param) => {
  expect(refusal(() => read(given))).toMatchObject({ kind: 'bad_request', param })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['an unknown role',              { messages: [{ role: 'narrator', content: 'x' }] }],
  ['a call of a tool, and nothing said', { messages: [messages[0], { role: 'assistant', content: null, tool_calls: [] }] }],
  ['a message with no content',    { messages: [{ role: 'assistant' }] }],
  ['parts that are texts',         { messages: [{ role: 'user', content: ['x'] }] }],
  ['usage wanted by null',         { stream: true, stream_options: { include_usage: null } }],
  ['content in parts',             { messages: [{ role: 'user', content: [{ type: 'text', text: 'x' }] }] }],
  ['stream_options of null',       { stream_options: null }],
  ['top_logprobs of 0, alone',     { top_logprobs: 0 }],
  ['tool_choice auto, no tools',   { tool_choice: 'auto' }],
  ['tool_choice none, no tools',   { tool_choice: 'none' }],
  ['an unknown field',             { some_new_thing: { a: 1 } }],
])('takes %s', (_what, given) => {
  expect(() => read(given)).not.toThrow()
})

const good = JSON.stringify({ model: 'm', messages })

/* biome-ignore format: a table reads as a table */
test.each([
  ['nothing',                  '',                                             'invalid_json', null],
  ['invalid UTF-8',            Buffer.concat([Buffer.from(good.slice(0, -1)), Buffer.from([0x2c, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])]), 'invalid_json', null],
  ['half a UTF-8 character',   Buffer.from('{"model":"ü').subarray(0, -1),     'invalid_json', null],
  ['what is not JSON',         'model=m',                                      'invalid_json', null],
  ['half an object',           good.slice(0, -1),                              'invalid_json', null],
  ['two objects',              good + good,                                    'invalid_json', null],
  ['an array',                 `[${good}]`,                                    'invalid_json', null],
  ['null',                     'null',                                         'invalid_json', null],
  ['a text',                   '"model"',                                      'invalid_json', null],
  ['NaN',                      good.replace('"m"', 'NaN'),                     'invalid_json', null],
  ['a trailing comma',         good.replace(/\}$/, ',}'),                      'invalid_json', null],
  ['a byte order mark',        `\ufeff${good}`,                                'invalid_json', null],
  ['a member twice',           good.replace('{', '{"model":"other",'),         'bad_request',  'model'],
  ['a member twice, escaped',  good.replace('{', '{"mod\\u0065l":"other",'),   'bad_request',  'model'],
  ['an odd member twice',      good.replace('{', '{"a b":1,"a b":2,'),         'bad_request',  null],
])('a body of %s is refused', (_what, text, kind, param) => {
  expect(refusal(() => readText(text))).toMatchObject({ kind, param, started: 'no' })
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['half an object',               (text: string) => text.slice(0, -1),                               'invalid_json', null],
  ['two objects',                  (text: string) => text + text,                                     'invalid_json', null],
  ['an array',                     (text: string) => `[${text}]`,                                     'invalid_json', null],
  ['a trailing comma',             (text: string) => text.replace(/\}$/, ',}'),                        'invalid_json', null],
  ['a message missing',            (text: string) => text.replace('},{"role"', '},,{"role"'),         'invalid_json', null],
  ['a comma after the messages',   (text: string) => text.replace('}]', '},]'),                       'invalid_json', null],
  ['half a surrogate pair',        (text: string) => text.replace('text', '\\ud83d'),                 'invalid_json', null],
  ['a member twice',               (text: string) => text.replace(/\}$/, ',"mod\\u0065l":"other"}'), 'bad_request',  'model'],
  ['a member `__proto__` twice',   (text: string) => text.replace(/\}$/, ',"__proto__":1,"__proto__":2}'), 'bad_request', '__proto__'],
  ['a seed of too many digits',    (text: string) => text.replace(/\}$/, ',"seed":98765432109876543210}'), 'bad_request', 'seed'],
  ['the last message without role', (text: string) => text.replace(/\{"role"(?!.*"role")/, '{"rule"'), 'bad_request', 'messages[299].role'],
])('a large body of %s is refused', (_what, broken, kind, param) => {
  for (const word of ['text', 'text für alle, 世界']) {
    const messages = Array.from({ length: 300 }, () => ({ role: 'user', content: `${word} `.repeat(80) }))
    const text = JSON.stringify({ model: 'm', messages, stop: ['a'] })
    expect(readText(text).body.members.map(({ name }) => name)).toEqual(['model', 'messages', 'stop'])
    expect(refusal(() => readText(broken(text)))).toMatchObject({ kind, param, started: 'no' })
  }
})

describe('an escape in a name evades no rule, whatever somebody sent before', () => {
  const usual = `"model":"m","messages":${JSON.stringify(messages)}`
  const escaped = (name: string) =>
    `${name.slice(0, -1)}\\u00${name.charCodeAt(name.length - 1).toString(16)}`

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['n',               100,             'n'],
    ['prompt_logprobs', 20,              'prompt_logprobs'],
    ['temperature',     9,               'temperature'],
    ['model',           '"other/lora"',  'model'],
    ['stream_options',  '{}',            'stream_options'],
  ])('%s', (name, value, param) => {
    // V8 takes the second name for the first one, whose letters it begins with.
    readText(`{${usual},"q":1,"${name.slice(0, -1)}\\\\":1}`)
    const text = `{${usual},"q":1,"${escaped(name)}":${value}}`
    expect(refusal(() => readText(text)).param).toBe(param)
  })

  test('the place of an image', () => {
    const part = (name: string, value: string) =>
      `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","${name}":${value}}]}]}`
    readText(part('image_ur\\\\', '1'))
    const text = part(escaped('image_url'), '{"url":"file:///etc/passwd"}')
    expect(refusal(() => readText(text)).param).toBe('messages[0].content[0].image_url')
  })

  test('and a name that does hold a backslash passes', () => {
    const schema = '{"patternProperties":{"^\\\\d+$":{}}}'
    const tools = `[{"type":"function","function":{"name":"f","parameters":${schema}}}]`
    expect(() => readText(`{${usual},"tools":${tools}}`)).not.toThrow()
  })
})

describe('a body of many members is refused before it costs anybody', () => {
  const many = (count: number) => Array.from({ length: count }, (_, at) => `"k${at}":0`).join(',')

  test.each([
    ['at its top', 1_001, (members: string) => members],
    ['inside', 100_001, (members: string) => `"chat_template_kwargs":{${members}}`],
  ])('%s', (_what, count, put) => {
    const text = (members: string) => `{"model":"m","messages":[{"role":"user"}],${put(members)}}`
    const fault = refusal(() => readText(text(many(count))))
    expect(fault).toMatchObject({ kind: 'invalid_json' })
    expect(fault.message).toContain('too many members')
  })

  test('and colons in what it says are none', () => {
    const content = '12:00:00 '.repeat(100_000)
    const body = { model: 'm', messages: [{ role: 'user', content }] }
    expect(() => readText(JSON.stringify(body))).not.toThrow()
  })
})

test('of several wrong parameters the first in the list of rules is named, however they stand', () => {
  const fields = chatRules.map(({ field }) => field).filter((field) => cases[field]?.bad.length)
  const wrong = fields.map((field) => [field, cases[field]?.bad[0]] as const)
  for (let from = 0; from < wrong.length; from += 1) {
    const given = Object.fromEntries(wrong.slice(from).reverse())
    expect(refusal(() => read(given)).param).toBe(fields[from])
  }
})

test('a seed is judged as it was written, behind letters of several bytes too', () => {
  const text = (seed: string) =>
    `{"model":"m","messages":[{"role":"user","content":"世界"}],"seed": ${seed} }`
  expect(() => readText(text('-9223372036854775808'))).not.toThrow()
  expect(refusal(() => readText(text('9223372036854775808'))).param).toBe('seed')
})

test('a refusal never repeats what the client sent', () => {
  const bodies = [`{"secret-canary"`, `["secret-canary"]`, `{"secret canary":1,"secret canary":2}`]
  for (const body of bodies) {
    const { message, param, cause } = refusal(() => readText(body))
    expect(`${message} ${param} ${cause}`).not.toContain('canary')
  }
  const fault = refusal(() => read({ temperature: 'secret-canary' }))
  expect(`${fault.message} ${fault.cause}`).not.toContain('canary')
})

describe('reads', () => {
  test('the facts of a plain call', () => {
    const { body, ...facts } = readText(good)
    expect(facts).toEqual({
      modelId: 'm',
      prompts: 1,
      sequences: 1,
      demands: [],
      stream: false,
      wantsUsage: false,
      choices: 1,
      unnamedTokens: 'context',
      promptTokens: null,
      promptSize: { param: 'messages', textBytes: 2, toolBytes: 0, tokens: 0 },
      maxTokens: null,
      endUserHash: null,
    })
    expect(body.bytes.toString()).toBe(good)
    expect(body.members.map(({ name }) => name)).toEqual(['model', 'messages'])
  })

  test('how long the texts are, with the first look: a large body is not read again for it', () => {
    const content = [{ type: 'text', text: '多é' }, 'a']
    const tools = [{ type: 'function', function: { name: 'f' } }]
    const { promptSize } = read({ messages: [{ role: 'user', content }], tools })
    const toolBytes = JSON.stringify(tools).length
    expect(promptSize).toEqual({ param: 'messages', textBytes: 6, toolBytes, tokens: 0 })
    const image = { type: 'image_url', image_url: { url: 'data:,' } }
    expect(read({ messages: [{ role: 'user', content: [image] }] }).promptSize).toBeNull()
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    [{ stream: true },                                                     { stream: true, wantsUsage: false }],
    [{ stream: true, stream_options: { include_usage: true } },            { stream: true, wantsUsage: true }],
    [{ stream: true, stream_options: { include_usage: false } },           { wantsUsage: false }],
    [{ n: 3 },                                                             { choices: 3 }],
    [{ n: null },                                                          { choices: 1 }],
    [{ max_tokens: 5 },                                                    { maxTokens: 5 }],
    [{ max_tokens: 5, max_completion_tokens: 7 },                          { maxTokens: 7 }],
    [{ max_tokens: 5, max_completion_tokens: null },                       { maxTokens: 5 }],
    [{ model: 'org/name' },                                                { modelId: 'org/name' }],
  ])('%j as %j', (given, facts) => {
    expect(read(given)).toMatchObject(facts)
  })

  test('who asks in the end, as a hash that has no way back', () => {
    const byUser = read({ user: 'somebody@example.org' }).endUserHash
    expect(byUser).toMatch(/^[0-9a-f]{16}$/)
    expect(read({ safety_identifier: 'somebody@example.org' }).endUserHash).toBe(byUser)
    expect(read({ user: 'x', safety_identifier: 'somebody@example.org' }).endUserHash).toBe(byUser)
    expect(read({ user: 'another' }).endUserHash).not.toBe(byUser)
    expect(read({ user: '' }).endUserHash).toBeNull()
  })
})
