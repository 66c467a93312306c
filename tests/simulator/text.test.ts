// The text that a simulated engine makes: the same for the same seed, as long as its usage says,
// and in the form that a tool, a schema or a pattern asks for.
import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import { dump, jsonFor } from '#src/simulator/engine/json-text.ts'
import { textMatching } from '#src/simulator/engine/pattern-text.ts'
import { readPythonJson } from '#src/simulator/engine/python-json.ts'
import { chanceFrom } from '#src/simulator/engine/random.ts'
import { tokenize } from '#src/simulator/engine/tokens.ts'
import { readAnswer } from './support/events.ts'
import { chat, runSimulator } from './support/running.ts'

interface Whole {
  choices: {
    message: { content: string; tool_calls?: { function: { name: string; arguments: string } }[] }
    logprobs: { content: { token: string; bytes: number[]; top_logprobs: unknown[] }[] } | null
    finish_reason: string
    stop_reason: string | null
  }[]
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number }
}

const simulator = runSimulator()
const path = '/engine/sim-mixtral/v1/chat/completions'

async function ask(content: string, more: object = {}): Promise<Whole> {
  const response = await simulator.call(path, chat(content, more))
  expect(response.status).toBe(200)
  return (await response.json()) as Whole
}

async function textOf(content: string, more: object = {}): Promise<string> {
  return (await ask(content, more)).choices[0]?.message.content ?? ''
}

describe('the text of an answer', () => {
  test('is the same for the same seed, and another for another', async () => {
    const [one, same, other] = [
      await textOf('hi', { seed: 1 }),
      await textOf('hi', { seed: 1 }),
      await textOf('hi', { seed: 2 }),
    ]
    expect([same === one, other === one]).toEqual([true, false])
  })

  test('depends on the messages', async () => {
    expect(await textOf('hi', { seed: 1 })).not.toBe(await textOf('ho', { seed: 1 }))
  })

  test('is the same at temperature 0 and varies above', async () => {
    expect(await textOf('hi', { temperature: 0 })).toBe(await textOf('hi', { temperature: 0 }))
    expect(await textOf('hi')).not.toBe(await textOf('hi'))
  })

  test('is the same streamed and whole, and its usage too', async () => {
    const more = { seed: 3, stream: true, stream_options: { include_usage: true } }
    const streamed = readAnswer(await (await simulator.call(path, chat('hi', more))).text())
    const whole = await ask('hi', { seed: 3 })
    expect(streamed.content).toBe(whole.choices[0]?.message.content)
    expect(streamed.usage).toEqual({
      prompt_tokens: whole.usage.prompt_tokens,
      total_tokens: whole.usage.total_tokens,
      completion_tokens: whole.usage.completion_tokens,
    })
  })

  test('has as many tokens as the usage says, one event each', async () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const { choices, usage } = await ask('hi', { seed })
      expect(tokenize(choices[0]?.message.content ?? '')).toHaveLength(usage.completion_tokens)
      expect(usage.completion_tokens).toBeGreaterThanOrEqual(40)
      expect(usage.completion_tokens).toBeLessThanOrEqual(160)
    }
  })

  test.each(['max_tokens', 'max_completion_tokens'])('ends at %s', async (field) => {
    const { choices, usage } = await ask('hi', { [field]: 7 })
    expect([choices[0]?.finish_reason, usage.completion_tokens]).toEqual(['length', 7])
  })

  test('goes on to the limit with ignore_eos, and past its natural end with min_tokens', async () => {
    expect((await ask('hi', { max_tokens: 500, ignore_eos: true })).usage.completion_tokens).toBe(
      500,
    )
    expect((await ask('hi', { min_tokens: 300 })).usage.completion_tokens).toBe(300)
  })

  test('ends before a stop string, whose tokens count', async () => {
    const whole = await textOf('hi', { seed: 5 })
    const { choices, usage } = await ask('hi', { seed: 5, stop: [', ', '§'] })
    const [choice] = choices
    const expected = whole.slice(0, whole.indexOf(', '))
    expect([choice?.message.content, choice?.finish_reason, choice?.stop_reason]).toEqual([
      expected,
      'stop',
      ', ',
    ])
    expect(usage.completion_tokens).toBeGreaterThan(tokenize(expected).length)
  })

  test('ends before a stop string in a stream too', async () => {
    for (const stop of [', ', 's', '. ', ' the']) {
      const more = { seed: 5, stop: [stop] }
      const response = await simulator.call(path, chat('hi', { ...more, stream: true }))
      expect(readAnswer(await response.text()).content).toBe(await textOf('hi', more))
    }
  })

  test('with the stop string in it when that is asked for', async () => {
    const included = await textOf('hi', { seed: 5, stop: ',', include_stop_str_in_output: true })
    expect(included.indexOf(',')).toBe(included.length - 1)
  })

  test('comes n times, differently, and all are counted', async () => {
    const { choices, usage } = await ask('hi', { n: 3, seed: 1, max_tokens: 20 })
    expect(new Set(choices.map((choice) => choice.message.content)).size).toBe(3)
    expect(usage.completion_tokens).toBe(60)
  })

  test('has a log probability for each token, and its bytes', async () => {
    const { choices } = await ask('hi', { logprobs: true, top_logprobs: 4, max_tokens: 30 })
    const content = choices[0]?.logprobs?.content ?? []
    const bytes = content.flatMap((entry) => entry.bytes)
    expect(Buffer.from(bytes).toString()).toBe(choices[0]?.message.content)
    expect(content.map((entry) => entry.top_logprobs.length)).toEqual(Array(30).fill(4))
  })

  test('counts on every chunk when continuous usage is asked for', async () => {
    const options = { include_usage: true, continuous_usage_stats: true }
    const body = chat('hi', { stream: true, stream_options: options, max_tokens: 3 })
    const text = await (await simulator.call(path, body)).text()
    const counts = [...text.matchAll(/"completion_tokens":(\d+)/g)].map((match) => match[1])
    expect(counts).toEqual(['0', '1', '2', '3', '3'])
  })
})

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string', enum: ['Paris', 'Berlin'] },
        days: { type: 'integer' },
      },
      required: ['city', 'days'],
      additionalProperties: false,
    },
  },
}
const fitsWeather = new Ajv().compile(weather.function.parameters)
const named = { type: 'function', function: { name: 'get_weather' } }

describe('a tool', () => {
  test.each([
    ['required', 'tool_calls'],
    [named, 'stop'],
  ])('that must be called (%j) is called with arguments that fit', async (choice, finish) => {
    const { choices } = await ask('hi', { tools: [weather], tool_choice: choice })
    const call = choices[0]?.message.tool_calls?.[0]?.function
    expect([call?.name, choices[0]?.finish_reason]).toEqual(['get_weather', finish])
    expect(fitsWeather(JSON.parse(call?.arguments ?? ''))).toBe(true)
  })

  test('streams the same arguments in pieces', async () => {
    const more = { tools: [weather], tool_choice: 'required', seed: 1 }
    const whole = await ask('hi', more)
    const response = await simulator.call(path, chat('hi', { ...more, stream: true }))
    const parts = [...(await response.text()).matchAll(/"arguments":("(?:[^"\\]|\\.)*")/g)]
    const joined = parts.map((match) => String(JSON.parse(match[1] ?? '""'))).join('')
    expect(joined).toBe(whole.choices[0]?.message.tool_calls?.[0]?.function.arguments)
    expect(parts.length).toBeGreaterThan(3)
  })

  test('cut by max_tokens comes back as the text that it was', async () => {
    const more = { tools: [weather], tool_choice: 'required', max_tokens: 12 }
    const [choice] = (await ask('hi', more)).choices
    expect(choice?.message.tool_calls).toBeUndefined()
    expect([choice?.message.content.startsWith('<tool_call>'), choice?.finish_reason]).toEqual([
      true,
      'length',
    ])
  })

  test('that may be called is called sometimes; never with none, nor after its result', async () => {
    const called = async (content: string, more: object) => {
      const answer = await ask(content, { tools: [weather], ...more })
      return answer.choices[0]?.message.tool_calls !== undefined
    }
    const seen = new Set<boolean>()
    for (let call = 0; call < 20; call += 1) seen.add(await called(`hi ${call}`, {}))
    expect(seen).toEqual(new Set([true, false]))
    const messages = [{ role: 'tool', tool_call_id: 'x', content: 'sunny' }]
    for (let call = 0; call < 10; call += 1) {
      expect(await called(`hi ${call}`, { tool_choice: 'none' })).toBe(false)
      expect(await called('', { messages: [...messages, ...messages.slice(0, call % 2)] })).toBe(
        false,
      )
    }
  })
})

const schemas: object[] = [
  {
    type: 'object',
    properties: { a: { type: 'string', minLength: 5, maxLength: 8 } },
    required: ['a'],
  },
  {
    type: 'object',
    properties: { a: { type: 'integer', minimum: 100, maximum: 102 } },
    required: ['a'],
  },
  { type: 'object', properties: { a: { type: 'number', exclusiveMinimum: 3 } }, required: ['a'] },
  { type: 'array', items: { enum: [1, 'x', null] }, minItems: 2, maxItems: 4 },
  {
    type: 'object',
    properties: { a: { $ref: '#/$defs/b' } },
    required: ['a'],
    $defs: { b: { const: 4 } },
  },
  { anyOf: [{ type: 'boolean' }, { type: 'null' }] },
  {
    type: 'object',
    properties: { a: { type: 'string', pattern: '^[A-Z]{2}-\\d{3,5}$' } },
    required: ['a'],
  },
  { type: ['string', 'null'] },
]

test.each(schemas.map((schema) => [JSON.stringify(schema), schema]))(
  'JSON for the schema %s fits it',
  async (_, schema) => {
    const fits = new Ajv({ strict: false }).compile(schema as object)
    for (let seed = 0; seed < 50; seed += 1) {
      const text = jsonFor(schema, chanceFrom(seed))
      expect(fits(JSON.parse(text)), text).toBe(true)
    }
  },
)

test('response_format and structured_outputs give the form that they ask for', async () => {
  const json = {
    type: 'json_schema',
    json_schema: { name: 'w', schema: weather.function.parameters },
  }
  expect(fitsWeather(JSON.parse(await textOf('hi', { response_format: json })))).toBe(true)
  const object = { response_format: { type: 'json_object' } }
  expect(JSON.parse(await textOf('hi', object))).toBeTypeOf('object')
  expect(['yes', 'no']).toContain(
    await textOf('hi', { structured_outputs: { choice: ['yes', 'no'] } }),
  )
  expect(await textOf('hi', { structured_outputs: { regex: '[a-c]{3}' } })).toMatch(/^[a-c]{3}$/)
})

test.each(['constructor', '__proto__', 'date'])('a text of the format %s is a text', (format) => {
  const text = { type: 'string', format }
  const schema = { type: 'object', properties: { text }, required: ['text'] }
  expect(JSON.parse(jsonFor(schema, chanceFrom(1)))).toEqual({ text: expect.stringMatching(/./) })
})

test('names that every object knows are names like others', () => {
  const names = ['__proto__', 'constructor']
  const properties = Object.fromEntries(names.map((name) => [name, { type: 'integer' }]))
  const made = jsonFor({ type: 'object', properties, required: names }, chanceFrom(1))
  expect(Object.keys(JSON.parse(made))).toEqual(names)
  const read = readPythonJson('{"__proto__": {"n": NaN}}')
  expect(read.ok && Object.keys(Object(read.value))).toEqual(['__proto__'])
})

test.each(['[a-z]+@[a-z]+\\.com', '(yes|no|maybe)!?', '\\d{4}-\\d{2}', '(ab){2,3}c*', '[^x]y'])(
  'a text for the pattern %s matches it',
  (pattern) => {
    for (let seed = 0; seed < 50; seed += 1) {
      expect(textMatching(pattern, chanceFrom(seed))).toMatch(new RegExp(`^(?:${pattern})$`))
    }
  },
)

test.each(['', 'plain words', 'ÄÖ naïve 東京🙂 \u0000\t\n\n', '12345 a1b2', '<|im_start|>user'])(
  'the tokens of %j joined are the text again',
  (text) => {
    expect(tokenize(text).join('')).toBe(text)
  },
)

test('JSON is written with the spaces of Python', () => {
  expect(dump({ a: [1, 'é'], b: {} })).toBe('{"a": [1, "é"], "b": {}}')
})
