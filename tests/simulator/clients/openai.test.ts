// The `openai` package, unmodified, straight at the simulator: through RunPod's OpenAI route, and at
// a bare vLLM server.
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { until } from '../../support/until.ts'
import { runSimulator } from '../support/running.ts'

const model = 'microsoft/phi-2'
const doors = { 'RunPod’s OpenAI route': '/v2/sim-phi/openai', 'a bare server': '/engine/sim-phi' }

function clientAt(simulator: ReturnType<typeof runSimulator>, door: string, apiKey = 'sim-key') {
  return new OpenAI({ apiKey, baseURL: `${simulator.url()}${door}/v1`, maxRetries: 0 })
}

function asking(content: string, more: object = {}) {
  return { model, messages: [{ role: 'user' as const, content }], ...more }
}

async function errorOf(answer: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> {
  const error = await answer.catch((cause: unknown) => cause)
  if (error instanceof OpenAI.APIError) return error
  throw new Error('there was no error')
}

/** How many chunks with content came before a stream ended or broke. */
async function contentsOf(stream: AsyncIterable<OpenAI.ChatCompletionChunk>): Promise<number> {
  let contents = 0
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content) contents += 1
  return contents
}

describe.each(Object.entries(doors))('openai at %s', (_, door) => {
  const simulator = runSimulator({ disconnectCancels: true })
  const running = async () => (await simulator.state()).endpoints['sim-phi']?.running

  test('gets a whole answer', async () => {
    const { completions } = clientAt(simulator, door).chat
    const answer = await completions.create(asking('hi', { max_tokens: 7 }))
    expect(answer.choices[0]?.finish_reason).toBe('length')
    expect(answer.usage?.completion_tokens).toBe(7)
  })

  test('gets a stream, gathered by the SDK itself', async () => {
    const { completions } = clientAt(simulator, door).chat
    const runner = completions.stream({
      ...asking('hi', { max_tokens: 7 }),
      stream_options: { include_usage: true },
    })
    const { choices, usage } = await runner.finalChatCompletion()
    expect(choices[0]?.message.content?.length).toBeGreaterThan(3)
    expect(usage?.completion_tokens).toBe(7)
  })

  test('sees the error of an engine that died in a stream', async () => {
    const { completions } = clientAt(simulator, door).chat
    const asked = asking('[[sim:engine-dies-after=3]]')
    const stream = await completions.create({ ...asked, stream: true })
    expect((await errorOf(contentsOf(stream))).message).toContain('EngineCore')
  })

  test('leaves a stream, and the work stops', async () => {
    const { completions } = clientAt(simulator, door).chat
    const asked = asking('[[sim:stall-after=2]]')
    const stream = await completions.create({ ...asked, stream: true })
    await stream[Symbol.asyncIterator]().next()
    stream.controller.abort()
    await until('nothing runs', async () => (await running()) === 0)
  })

  test('gives up waiting for an answer, and the work stops', async () => {
    const { completions } = clientAt(simulator, door).chat
    const asked = asking('[[sim:slow-first=60000]]')
    const error = await errorOf(completions.create(asked, { timeout: 100 }))
    expect(error).toBeInstanceOf(OpenAI.APIConnectionTimeoutError)
    await until('nothing runs', async () => (await running()) === 0)
  })

  test('lists the model', async () => {
    const { data } = await clientAt(simulator, door).models.list()
    expect(data.map(({ id }) => id)).toEqual([model])
  })
})

describe('openai', () => {
  const simulator = runSimulator({ edgeTimeoutMs: 200 })

  test('is told what the model refuses by a bare server', async () => {
    const { completions } = clientAt(simulator, '/engine/sim-phi').chat
    const error = await errorOf(completions.create(asking('hi', { temperature: -1 })))
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error.message).toContain('temperature must be non-negative')
  })

  test('is only told that it failed by RunPod', async () => {
    const { completions } = clientAt(simulator, '/v2/sim-phi/openai').chat
    const error = await errorOf(completions.create(asking('hi', { temperature: -1 })))
    expect(error).toBeInstanceOf(OpenAI.InternalServerError)
    expect(error.message).toContain('Error processing the request')
  })

  test('is refused with a wrong key', async () => {
    const { completions } = clientAt(simulator, '/v2/sim-phi/openai', 'nope').chat
    expect(await errorOf(completions.create(asking('hi')))).toBeInstanceOf(
      OpenAI.AuthenticationError,
    )
  })

  test('gets the page of an edge that ran out of patience', async () => {
    const { completions } = clientAt(simulator, '/v2/sim-phi/openai').chat
    const error = await errorOf(completions.create(asking('[[sim:slow-first=60000]]')))
    expect(error.status).toBe(524)
  })
})
