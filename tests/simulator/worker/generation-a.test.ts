// Workers of generation A (worker-vllm up to 2.23): how they batch a stream, what they answer to
// each input, and that one goes down with its vLLM.
import { expect, test } from 'vitest'
import { chat, runSimulator } from '../support/running.ts'

const phi = { model: 'microsoft/phi-2', contextTokens: 2048, generation: 'a' }
const simulator = runSimulator({
  endpoints: { a: phi, lists: { ...phi, rawOutput: false }, dying: phi },
  lostAfterMs: 1,
})

interface Job {
  status: string
  output?: unknown[]
  error?: string
}

async function run(input: object, endpoint = 'a'): Promise<Job> {
  const answer = await simulator.call(`/v2/${endpoint}/runsync`, { input })
  return (await answer.json()) as Job
}

function openai(body: object, route = '/v1/chat/completions'): object {
  return { openai_route: route, openai_input: body }
}

const long = { max_tokens: 120, min_tokens: 120, stream: true }

test('a stream comes in whole events, 1, 3, 9, 27 and then 50 at a time', async () => {
  const { output = [] } = await run(openai(chat('hi', long)))
  const slices = output as string[]
  const counts = slices.map((slice) => slice.match(/data: .*\n\n/g)?.length ?? 0)
  expect(counts.slice(0, 5)).toEqual([1, 3, 9, 27, 50])
  expect(slices.join('')).toMatch(/data: \[DONE\]\n\n$/)
})

test('without raw output the items are lists of chunks, and there is no [DONE]', async () => {
  const { output = [] } = await run(openai(chat('hi', long)), 'lists')
  const lists = output as { object: string }[][]
  expect(lists.slice(0, 4).map((list) => list.length)).toEqual([1, 3, 9, 27])
  const objects = lists.flat().map(({ object }) => object)
  expect(new Set(objects)).toEqual(new Set(['chat.completion.chunk']))
})

test('a whole answer is one object', async () => {
  const { output } = await run(openai(chat('hi', { max_tokens: 4 })))
  expect(output).toMatchObject([{ object: 'chat.completion', usage: { completion_tokens: 4 } }])
})

test('the shorthand has a shape of its own, and 100 tokens unless it is told otherwise', async () => {
  const { output } = await run({ prompt: 'hi', sampling_params: { ignore_eos: true } })
  expect(output).toEqual([
    { choices: [{ tokens: [expect.any(String)] }], usage: { input: 1, output: 100 } },
  ])
})

test('the shorthand streams tokens in the same batches', async () => {
  const sampling = { max_tokens: 20, min_tokens: 20 }
  const { output = [] } = await run({ ...chat('hi'), sampling_params: sampling, stream: true })
  const batches = output as { choices: { tokens: string[] }[]; usage: { output: number } }[]
  expect(batches[0]).toMatchObject({ choices: [{ tokens: [] }] })
  expect(batches[1]?.choices[0]?.tokens).toHaveLength(3)
  expect(batches[1]?.usage.output).toBe(3)
  expect(batches.flatMap(({ choices }) => choices[0]?.tokens ?? [])).toHaveLength(20)
})

test('what vLLM refuses is the repr of its error object', async () => {
  const { status, error } = await run(openai(chat('hi', { temperature: -1 })))
  expect([status, error]).toEqual([
    'FAILED',
    "{'message': 'temperature must be non-negative, got -1.0. (parameter=temperature, " +
      "value=-1.0)', 'type': 'BadRequestError', 'param': 'temperature', 'code': 400}",
  ])
})

test.each([openai({ input: 'hi' }, '/v1/embeddings'), openai({}, '/tokenize')])(
  'routes beyond its few are invalid: %j',
  async (input) => {
    expect(await run(input)).toMatchObject({
      status: 'FAILED',
      error: "{'message': 'Invalid route', 'type': 'BadRequestError', 'param': None, 'code': 400}",
    })
  },
)

test('the list of models is one of the few', async () => {
  expect(await run(openai({}, '/v1/models'))).toMatchObject({ output: [{ object: 'list' }] })
})

test('its whole events go out on the OpenAI route as they are', async () => {
  const answer = await simulator.call('/v2/a/openai/v1/chat/completions', chat('hi', long))
  expect((await answer.text()).match(/data: /g)?.length).toBeGreaterThan(120)
})

test('a worker goes down with its vLLM, and another one does the job', async () => {
  const { output } = await run(openai(chat('hi', { max_tokens: 2 })), 'dying')
  expect(output).toHaveLength(1)
  await simulator.call('/__control/workers', { endpoint: 'dying', event: 'engine-dead' })
  const job = await run(openai(chat('hi', { max_tokens: 2 })), 'dying')
  expect(job).toMatchObject({ status: 'COMPLETED', retries: 1 })
})
