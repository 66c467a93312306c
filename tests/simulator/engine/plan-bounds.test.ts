// A request that asks for more than a process can hold is refused, by whichever door it came, and
// the simulator lives on: whole answers are made in memory before their first token leaves.
import { describe, expect, test } from 'vitest'
import { chat, runSimulator } from '../support/running.ts'

const simulator = runSimulator()

const all = { ignore_eos: true, max_tokens: 2000 }
const prompts = (count: number, text = 'a') => Array(count).fill(text)
const list = (items: object) => ({ type: 'array', minItems: 10_000, maxItems: 10_000, items })
const lines = '\n'.repeat(4_000_000)
const shaped = (schema: object) => ({
  response_format: { type: 'json_schema', json_schema: { name: 'x', schema } },
})

interface Envelope {
  status: string
  error?: string
}

const completions = '/v1/completions'
const chats = '/v1/chat/completions'
const embeddings = '/v1/embeddings'

/* biome-ignore format: a table reads as a table */
const refused: [what: string, route: string, body: object, says: RegExp][] = [
  ['as many prompts and choices as there may be', completions, { prompt: prompts(1024), n: 128, ...all },         /at most 2048 sequences/],
  ['a million prompts',                      completions, { prompt: prompts(1_000_000) },                         /At most 1024 prompts/],
  ['more tokens than fit, over all',         completions, { prompt: prompts(1024), ...all },                      /at most 524288 tokens/],
  ['least tokens in place of no end',        completions, { prompt: prompts(1024), max_tokens: 2000, min_tokens: 2000 }, /at most 524288 tokens/],
  ['a billion choices',                      completions, { prompt: 'a', n: 1e9 },                                /n must be at most/],
  ['a billion choices of a chat',            chats,       { ...chat('a'), n: 1e9 },                               /n must be at most/],
  ['all log probabilities of all',           completions, { prompt: prompts(250), ...all, logprobs: 20 },         /at most 1048576 log probabilities/],
  ['a billion log probabilities of a prompt', chats,      { ...chat('a'), prompt_logprobs: 1e9 },                 /Requested prompt logprobs/],
  ['log probabilities of prompts, echoed',   completions, { prompt: prompts(1024, 'a '.repeat(100)), n: 2, echo: true, logprobs: 20, max_tokens: 1 }, /log probabilities/],
  ['one long token, said again and again',   completions, { prompt: lines, n: 128, echo: true, max_tokens: 1 },   /at most 33554432 characters/],
  ['two million token ids',                  completions, { prompt: Array(2_000_000).fill(1) },                   /maximum context length/],
]

describe('by the OpenAI route', () => {
  test.each(refused)('%s', async (_what, route, body) => {
    const response = await simulator.call(`/v2/sim-phi/openai${route}`, body)
    expect(response.status).toBeGreaterThanOrEqual(400)
    await lives()
  })
})

describe('as a job', () => {
  test.each(refused)('%s', async (_what, route, body, says) => {
    const ended = await job('sim-phi', { openai_route: route, openai_input: body })
    expect(ended).toMatchObject({ status: 'FAILED', error: expect.stringMatching(says) })
    await lives()
  })

  test('in the shorthand of a prompt and sampling parameters', async () => {
    const ended = await job('sim-phi', { prompt: lines, sampling_params: { n: 128, echo: true } })
    expect(ended).toMatchObject({ status: 'FAILED' })
    await lives()
  })
})

test('vectors of a billion dimensions are refused', async () => {
  const input = { openai_route: embeddings, openai_input: { input: 'a', dimensions: 1e9 } }
  const ended = await job('sim-embed', input)
  expect(ended).toMatchObject({ status: 'FAILED', error: expect.stringMatching(/4194304 numbers/) })
  await lives()
})

/* biome-ignore format: a table reads as a table */
test.each([
  ['texts', list({ type: 'string', minLength: 100_000 })],
  ['constants', list({ const: 'x'.repeat(1_000_000) })],
  ['choices', list({ enum: ['x'.repeat(1_000_000)] })],
  ['names', list({ type: 'object', properties: { ['x'.repeat(1_000_000)]: { type: 'null' } }, required: ['x'.repeat(1_000_000)] })],
])('a form of ten thousand long %s is cut short', async (_what, schema) => {
  const body = { ...chat('a'), ...shaped(schema), n: 8, max_tokens: 50 }
  const response = await simulator.call(`/engine/sim-phi${chats}`, body)
  expect(response.status).toBe(200)
  await lives()
})

test('what a gateway lets through is still answered', async () => {
  const body = { prompt: prompts(64), n: 8, max_tokens: 200, logprobs: 1 }
  const response = await simulator.call(`/engine/sim-phi${completions}`, body)
  const { choices } = (await response.json()) as { choices: unknown[] }
  expect(choices).toHaveLength(512)
})

test('several choices at temperature 0 are refused, as by vLLM', async () => {
  const body = { ...chat('a'), n: 2, temperature: 0 }
  const response = await simulator.call(`/engine/sim-phi${chats}`, body)
  expect(response.status).toBe(400)
  expect(await response.text()).toContain('n must be 1 when using greedy sampling, got 2.')
})

async function job(endpoint: string, input: object): Promise<Envelope> {
  const response = await simulator.call(`/v2/${endpoint}/runsync`, { input })
  return (await response.json()) as Envelope
}

async function lives(): Promise<void> {
  const response = await simulator.call(`/engine/sim-phi${chats}`, chat('hi', { max_tokens: 2 }))
  expect(response.status).toBe(200)
}
