// What the engine serves beside chat: Anthropic's messages, OpenAI's responses, pooling models,
// token counts, and completions that echo.
import { describe, expect, test } from 'vitest'
import { createFakeClock } from '../../support/fake-clock.ts'
import { type Asked, ask } from '../support/asking.ts'
import { engineFor } from '../support/engine-server.ts'
import { readEvents } from '../support/recording.ts'

const timing = { stepMs: 10, stepPerSequenceMs: 0, prefillMsPer1k: 0 }

async function answered(body: object, path: string, kind = 'generate'): Promise<Asked> {
  const clock = createFakeClock()
  const model = { model: 'm', kind, contextTokens: 4096, timing, embeddingSize: 16 }
  const asked = ask(engineFor({ model, clock }), body, { path })
  await clock.advance(10_000)
  return asked
}

async function read(body: object, path: string, kind?: string) {
  return JSON.parse((await answered(body, path, kind)).text)
}

const weather = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
}
const said = [{ role: 'user', content: 'What is the weather like?' }]

describe('/v1/messages', () => {
  const path = '/v1/messages'
  const tools = [{ name: 'look', description: 'Looks.', input_schema: weather }]
  const forced = { tools, tool_choice: { type: 'tool', name: 'look' } }

  test('stops at a stop sequence, and counts as Anthropic does', async () => {
    const body = {
      messages: said,
      model: 'm',
      max_tokens: 300,
      stop_sequences: ['.'],
      system: 'Be brief.',
    }
    const { content, stop_reason, usage } = await read(body, path)
    expect(content[0].text).not.toContain('.')
    expect(stop_reason).toBe('end_turn')
    expect(usage.output_tokens).toBeGreaterThan(1)
  })

  test('calls a tool, whole and as a stream, with input that fits its schema', async () => {
    const body = { model: 'm', messages: said, max_tokens: 300, temperature: 0, ...forced }
    const whole = await read(body, path)
    expect(whole.stop_reason).toBe('tool_use')
    expect(whole.content).toMatchObject([{ type: 'tool_use', name: 'look' }])
    expect(typeof whole.content[0].input.city).toBe('string')
    const events = readEvents((await answered({ ...body, stream: true }, path)).text)
    const parts = events.flatMap(({ value }) => {
      const { delta } = value as { delta?: { partial_json?: string } }
      return delta?.partial_json ?? []
    })
    expect(JSON.parse(parts.join(''))).toEqual(whole.content[0].input)
    expect(events.at(-2)?.value).toMatchObject({ delta: { stop_reason: 'tool_use' } })
  })

  test('says the same in a stream as in a whole answer', async () => {
    const body = { model: 'm', messages: said, max_tokens: 30, temperature: 0 }
    const whole = await read(body, path)
    const events = readEvents((await answered({ ...body, stream: true }, path)).text)
    const parts = events.flatMap(({ value }) => {
      const { delta } = value as { delta?: { text?: string } }
      return delta?.text ?? []
    })
    expect(parts.join('')).toBe(whole.content[0].text)
  })

  test('refuses a context that is too long in its own form', async () => {
    const long = [{ role: 'user', content: 'word '.repeat(9000) }]
    const asked = await answered({ messages: long, max_tokens: 5, model: 'm' }, path)
    expect(asked.status).toBe(400)
    expect(JSON.parse(asked.text)).toMatchObject({
      type: 'error',
      error: { type: 'BadRequestError' },
    })
  })
})

describe('/v1/responses', () => {
  const path = '/v1/responses'

  test('numbers its events without a gap and says at the end what it said before', async () => {
    const body = { input: 'Hello', stream: true, temperature: 0, max_output_tokens: 20 }
    const events = readEvents((await answered(body, path)).text)
    const values = events.map(({ value }) => value as { sequence_number: number; delta?: string })
    expect(values.map((one) => one.sequence_number)).toEqual(values.map((_, at) => at))
    const text = values.map(({ delta }) => delta ?? '').join('')
    const whole = await read({ ...body, stream: false }, path)
    expect(whole.output[0].content[0].text).toBe(text)
    expect(values.at(-1)).toMatchObject({ response: { output: [{ content: [{ text }] }] } })
  })

  test('calls a function, whole and as a stream', async () => {
    const tool = { type: 'function', name: 'look', parameters: weather }
    const choice = { type: 'function', name: 'look' }
    const body = { input: 'Hello', temperature: 0, tools: [tool], tool_choice: choice }
    const whole = await read(body, path)
    expect(whole.output).toMatchObject([{ type: 'function_call', name: 'look' }])
    const events = readEvents((await answered({ ...body, stream: true }, path)).text)
    expect(events.map(({ kind }) => kind).filter((kind) => !kind.endsWith('.delta'))).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.completed',
    ])
    const last = events.at(-1)?.value as { response: { output: { arguments: string }[] } }
    expect(last.response.output[0]?.arguments).toBe(whole.output[0].arguments)
  })

  test('reads the turns of a conversation, and instructions', async () => {
    const turns = [
      { role: 'user', content: [{ type: 'input_text', text: 'Hello' }] },
      { type: 'function_call', name: 'look', arguments: '{}', call_id: 'c' },
      { type: 'function_call_output', call_id: 'c', output: 'rain' },
    ]
    const short = await read({ input: 'Hello', max_output_tokens: 4 }, path)
    const body = { input: turns, instructions: 'Be brief.', max_output_tokens: 4 }
    const long = await read(body, path)
    expect(long.usage.input_tokens).toBeGreaterThan(short.usage.input_tokens + 10)
    expect(long.instructions).toBe('Be brief.')
  })
})

describe('a pooling model', () => {
  test('finds a document most like itself', async () => {
    const documents = ['a car', 'a stream', 'a river']
    const { results } = await read({ query: 'a stream', documents }, '/rerank', 'pooling')
    expect(results).toHaveLength(3)
    expect(results[0]).toMatchObject({ index: 1, relevance_score: expect.closeTo(1) })
  })

  test('scores one text against several', async () => {
    const body = { text_1: 'a', text_2: ['a', 'b'] }
    const { data, usage } = await read(body, '/v1/score', 'pooling')
    expect(data[0].score).toBeCloseTo(1)
    expect(data[1].score).toBeLessThan(1)
    expect(usage.prompt_tokens).toBe(3)
  })

  test.each(['/v1/chat/completions', '/v1/messages', '/v1/responses'])(
    'has no %s',
    async (path) => {
      const asked = await answered({ messages: said, max_tokens: 1 }, path, 'pooling')
      expect([asked.status, asked.text]).toEqual([404, '{"detail":"Not Found"}'])
    },
  )
})

describe('tokens', () => {
  test('come back as the text that they were', async () => {
    const engine = engineFor({ model: { model: 'm' } })
    const text = 'Zürich, 東京 and 12345 🙂\n\nrivers'
    const { tokens, count } = JSON.parse(ask(engine, { prompt: text }, { path: '/tokenize' }).text)
    expect(tokens).toHaveLength(count)
    const back = ask(engine, { tokens }, { path: '/detokenize' })
    expect(JSON.parse(back.text)).toEqual({ prompt: text })
  })

  test('of a conversation are those that its answer counts', async () => {
    const { count } = await read({ messages: said }, '/tokenize')
    const { input_tokens } = await read({ messages: said }, '/v1/messages/count_tokens')
    const { usage } = await read({ messages: said, max_tokens: 1 }, '/v1/chat/completions')
    expect([count, input_tokens]).toEqual([usage.prompt_tokens, usage.prompt_tokens])
  })
})

test('a stream of completions that only echoes says the prompt and nothing else', async () => {
  const body = { prompt: 'The river', echo: true, max_tokens: 0, stream: true }
  const events = readEvents((await answered(body, '/v1/completions')).text)
  const texts = events.flatMap(({ value }) => {
    return ((value ?? {}) as { choices?: { text: string }[] }).choices?.[0]?.text ?? []
  })
  expect(texts.join('')).toBe('The river')
})
