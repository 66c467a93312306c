// The body that leaves for an upstream: the client's own bytes with a few members changed.
import { describe, expect, test } from 'vitest'
import { chatStripped } from '#src/surfaces/openai-chat/rules.ts'
import { chatCall, chatSurface, messages } from '../../support/chat-call.ts'
import { tenantFields } from '../../support/tenant-fields.ts'

function asked(given: string | Record<string, unknown>, dialect = 'vllm'): string {
  const ask = chatSurface().toUpstream(chatCall(given), { dialect, servedName: 'served/"model"' })
  expect(ask.path).toBe('/v1/chat/completions')
  return ask.body.toString()
}

function members(given: string | Record<string, unknown>, dialect?: string) {
  return JSON.parse(asked(given, dialect))
}

test('the model is the one that the server knows', () => {
  expect(members({}).model).toBe('served/"model"')
  const text = `{"mod\\u0065l":"asked","messages":${JSON.stringify(messages)}}`
  expect(JSON.parse(asked(text))).toEqual({ model: 'served/"model"', messages })
})

describe('what is not ours', () => {
  const untouched = [
    '"messages": [ {"role":"user", "content":"Gr\\u00fc\\u00dfe \\ud83d\\ude80 /\\/ 世界"} ]',
    '"seed" : -9223372036854775808',
    '"logit_bias":{"50256": -100.000}',
    '"some_id":12345678901234567890123',
    '"a_number":1.10000e+02',
    '"nested":{"priority":1,"user":"kept","model":"kept","big":98765432109876543210}',
    '"na\\u006de":"x"',
    '"temperature":0.70',
    '"max_tokens":\t5',
  ]

  test('passes as it came, to the byte', () => {
    const text = `{ ${untouched.join(' ,\r\n ')}, "model":"asked" }`
    expect(asked(text)).toBe(`{${untouched.join(',')},"model":"served/\\"model\\""}`)
  })

  test.each([
    ['bytes are its characters', 'x'],
    ['characters are several bytes', 'ü'],
  ])('passes in a large body whose %s', (_, character) => {
    const large = `"messages":[{"role":"user","content":"${character.repeat(20_000)}"}]`
    const text = `{"user":"u",${large},"seed" : 7,"model":"asked"}`
    expect(asked(text)).toBe(`{${large},"seed" : 7,"model":"served/\\"model\\""}`)
  })

  test('passes around what is stripped', () => {
    const names = [...chatStripped]
    const mixed = untouched.map((member, at) => `"${names[at]}":{"a":[1]},${member}`)
    const text = `{${mixed.join(',')},"user":"u","model":"asked"}`
    expect(asked(text)).toBe(`{${untouched.join(',')},"model":"served/\\"model\\""}`)
  })
})

describe('a body in which nothing changes', () => {
  const target = { dialect: 'vllm', servedName: 'asked' }
  const say = (content: string, more = '') =>
    `{"model":"asked", "messages":[{"role":"user","content":"${content}"}]${more} }\n`

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['a small one', say('Hi')],
    ['one of many letters', say('Grüße, 世界')],
    ['a large one', say('x'.repeat(200_000))],
    ['one with tools and options', say('Hi', ',"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"auto","max_tokens":5')],
    ['one of a stream without options to force', say('Hi', ',"stream":true'), 'unknown'],
  ])('goes on as the very bytes that came: %s', (_what, text, dialect = 'vllm') => {
    const call = chatCall(text)
    const { body } = chatSurface().toUpstream(call, { ...target, dialect })
    expect(body).toBe(call.body.bytes)
    expect(body.toString()).toBe(text)
  })

  test.each([
    ['another name', say('Hi'), 'served'],
    ['another spelling of the same name', say('Hi').replace('asked', '\\u0061sked'), 'asked'],
    ['a longer name of several bytes', say('Hi'), 'äsked'],
    ['options of a stream', say('Hi', ',"stream":true'), 'asked'],
    ['what is not for upstreams', say('Hi', ',"user":"u"'), 'asked'],
    ['a choice among no tools', say('Hi', ',"tool_choice":"auto"'), 'asked'],
  ])('is not one with %s, whose own bytes stay for another attempt', (_what, text, servedName) => {
    const call = chatCall(text)
    const ask = () => chatSurface().toUpstream(call, { dialect: 'vllm', servedName }).body
    const first = ask()
    expect(first).not.toBe(call.body.bytes)
    expect(JSON.parse(first.toString()).model).toBe(servedName)
    expect(call.body.bytes.toString()).toBe(text)
    expect(ask()).toEqual(first)
  })
})

describe('usage of a stream', () => {
  const forced = { include_usage: true, continuous_usage_stats: true }

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['vllm',   { stream: true },                                                            forced],
    ['vllm',   { stream: true, stream_options: null },                                      forced],
    ['vllm',   { stream: true, stream_options: { include_usage: false } },                  forced],
    ['vllm',   { stream: true, stream_options: { continuous_usage_stats: false, other: 1 } }, forced],
    ['openai', { stream: true },                                                            { include_usage: true }],
    ['openai', { stream: true, stream_options: { continuous_usage_stats: true } },          { include_usage: true }],
    ['vllm',   { stream: false },                                                           undefined],
    ['vllm',   { stream_options: null },                                                    undefined],
    ['openai', {},                                                                          undefined],
  ])('is asked of %s for %j as %j', (dialect, given, expected) => {
    expect(members(given, dialect).stream_options).toEqual(expected)
  })
})

describe('what tenants may not send', () => {
  test('is what the list names, and nothing else is held back', () => {
    expect([...chatStripped].sort()).toEqual(tenantFields.toSorted())
  })

  test.each(tenantFields)('%s does not pass', (name) => {
    // As text where the surface itself wants text.
    expect(members({ [name]: 'x', kept: 1 })).toEqual({
      model: 'served/"model"',
      messages,
      kept: 1,
    })
  })

  test('does not pass under another spelling', () => {
    const text = '{"model":"m","messages":[{"role":"user"}],"pr\\u0069ority":1,"\\u0075ser":"x"}'
    expect(Object.keys(JSON.parse(asked(text)))).toEqual(['model', 'messages'])
  })
})

describe('tools', () => {
  const tools = [{ type: 'function', function: { name: 'f', parameters: {} } }]

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['an empty list',              { tools: [] },                             {}],
    ['an empty list and auto',     { tools: [], tool_choice: 'auto' },        {}],
    ['null and none',              { tools: null, tool_choice: 'none' },      {}],
    ['auto alone',                 { tool_choice: 'auto' },                   {}],
    ['some',                       { tools },                                 { tools }],
    ['some, one chosen',           { tools, tool_choice: 'required' },        { tools, tool_choice: 'required' }],
  ])('%s', (_what, given, expected) => {
    expect(members(given)).toEqual({ model: 'served/"model"', messages, ...expected })
  })

  test('an empty list is seen with space in it', () => {
    const text = '{"model":"m","tools":[ \n ],"messages":[{"role":"user"}]}'
    expect(Object.keys(JSON.parse(asked(text)))).toEqual(['model', 'messages'])
  })
})

test('what is checked and null is as good as absent, for servers that take it for a wrong type', () => {
  const given = { n: null, min_tokens: null, ignore_eos: null, stop: null, tools: null }
  expect(members({ ...given, temperature: 0, unknown: null })).toEqual({
    model: 'served/"model"',
    messages,
    temperature: 0,
    unknown: null,
  })
})
