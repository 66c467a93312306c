// A simulated vLLM server on a socket: the official SDK reads its responses, and its metrics have
// the form that Prometheus reads.
import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type EngineServer, openEngineServer } from '../support/engine-server.ts'

const timing = { stepMs: 0.2, stepPerSequenceMs: 0, prefillMsPer1k: 0 }

let server: EngineServer
beforeAll(async () => {
  server = await openEngineServer({ model: { model: 'm', timing } })
})
afterAll(() => server.close())

const client = () => new OpenAI({ apiKey: 'none', baseURL: `${server.url}/v1`, maxRetries: 0 })

test('/metrics is a text that Prometheus takes', async () => {
  const answer = await fetch(`${server.url}/metrics`)
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  const text = await answer.text()
  expect(text).toMatch(
    /^# HELP vllm:num_requests_running .+\n# TYPE vllm:num_requests_running gauge/,
  )
  const line = /^(?:# (?:HELP|TYPE) .+|[a-z_:\d]+\{[^}]*\} [\d.e+-]+)$/
  expect(text.split('\n').filter((one) => one !== '' && !line.test(one))).toEqual([])
})

test('the openai SDK reads a response, and streams one', async () => {
  const asked = { model: 'm', input: 'Hello', temperature: 0, max_output_tokens: 30 }
  const whole = await client().responses.create(asked)
  expect(whole.output_text.length).toBeGreaterThan(20)
  const stream = await client().responses.create({ ...asked, stream: true })
  let text = ''
  let status: string | undefined
  for await (const event of stream) {
    if (event.type === 'response.output_text.delta') text += event.delta
    if (event.type === 'response.completed') status = event.response.status
  }
  expect([text, status]).toEqual([whole.output_text, 'incomplete'])
})

test('the openai SDK reads the function that a response calls', async () => {
  const parameters = {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
  }
  const tool = { type: 'function' as const, name: 'look', parameters, strict: true }
  const answer = await client().responses.create({
    model: 'm',
    input: 'What is the weather like?',
    tools: [tool],
    tool_choice: { type: 'function', name: 'look' },
  })
  const [call] = answer.output
  expect(call).toMatchObject({ type: 'function_call', name: 'look' })
  expect(JSON.parse(call?.type === 'function_call' ? call.arguments : '{}')).toHaveProperty('city')
})

test('a model that is not there is the SDKs own error', async () => {
  const asked = client().responses.create({ model: 'nope', input: 'Hello' })
  await expect(asked).rejects.toBeInstanceOf(OpenAI.NotFoundError)
})
