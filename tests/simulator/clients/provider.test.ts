// The `openai` package, unmodified, straight at the simulator's external provider.
import OpenAI from 'openai'
import { expect, test } from 'vitest'
import { runSimulator } from '../support/running.ts'

const simulator = runSimulator()
const model = 'Qwen/Qwen2-7B-Instruct'

function client(apiKey = 'sim-provider-key'): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${simulator.url()}/provider/openai/v1`, maxRetries: 0 })
}

function asking(content: string, more: object = {}) {
  return { model, messages: [{ role: 'user' as const, content }], ...more }
}

async function errorOf(answer: Promise<unknown>): Promise<unknown> {
  return await answer.then(
    () => null,
    (cause: unknown) => cause,
  )
}

test('gets a whole answer and its request id', async () => {
  const answer = await client().chat.completions.create(asking('hi', { max_tokens: 7 }))
  expect(answer.usage?.completion_tokens).toBe(7)
  expect(answer._request_id).toMatch(/^req_/)
})

test('gathers a stream, tools too', async () => {
  const parameters = { type: 'object', properties: { city: { type: 'string' } } }
  const tools = [{ type: 'function' as const, function: { name: 'weather', parameters } }]
  const tool_choice = { type: 'function' as const, function: { name: 'weather' } }
  const runner = client().chat.completions.stream({
    ...asking('hi'),
    tools,
    tool_choice,
    stream_options: { include_usage: true },
  })
  const { choices, usage } = await runner.finalChatCompletion()
  expect(choices[0]?.message.tool_calls?.[0]).toMatchObject({ function: { name: 'weather' } })
  expect(usage?.completion_tokens).toBeGreaterThan(1)
})

test('lists models and finds one', async () => {
  const { data } = await client().models.list()
  expect(data.map(({ id }) => id)).toContain(model)
  expect(await client().models.retrieve(model)).toMatchObject({ id: model })
})

test('throws its own errors', async () => {
  const { completions } = client().chat
  expect(await errorOf(completions.create(asking('hi', { top_k: 3 })))).toMatchObject({
    status: 400,
    message: expect.stringContaining('Unrecognized request argument supplied: top_k'),
  })
  expect(await errorOf(client('sim-key').chat.completions.create(asking('hi')))).toBeInstanceOf(
    OpenAI.AuthenticationError,
  )
  expect(await errorOf(completions.create(asking('[[sim:status=429]]')))).toBeInstanceOf(
    OpenAI.RateLimitError,
  )
})

test('sees the error of a stream that fails', async () => {
  const asked = asking('[[sim:engine-dies-after=2]]')
  const stream = await client().chat.completions.create({ ...asked, stream: true })
  const read = async () => {
    for await (const _ of stream);
  }
  expect(await errorOf(read())).toBeInstanceOf(OpenAI.APIError)
})
