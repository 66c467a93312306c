// The official SDK at a key with a limit of tokens per minute: what it is told, and its own retries.
import OpenAI from 'openai'
import { expect, test } from 'vitest'
import { errorOf, messages } from '../support/openai-sdk.ts'
import { goodAnswer, startUpstream } from '../support/scripted-upstream.ts'
import { startTestGateway, type TestGateway, testKey } from '../support/test-gateway.ts'

const asked = { model: 'test-model', messages, max_tokens: 32 }
/** What a call may take: its body, its template and its answer. */
const bound = JSON.stringify(asked).length + 1024 + asked.max_tokens

function clientOf({ url }: TestGateway, maxRetries: number): OpenAI {
  return new OpenAI({ apiKey: testKey, baseURL: `${url}/v1`, maxRetries })
}

async function start(baseUrl: string, tokensPerMinute: number) {
  return startTestGateway({ baseUrl, config: { limits: { tokensPerMinute } } })
}

test('too few tokens are a RateLimitError that says so, and when to come again', async () => {
  await using upstream = await startUpstream()
  await using gateway = await start(upstream.url, 2 * bound - 500)
  const client = clientOf(gateway, 0)
  const first = client.chat.completions.create(asked)
  const call = await upstream.nextCall()
  const error = await errorOf(client.chat.completions.create(asked))
  expect(error).toBeInstanceOf(OpenAI.RateLimitError)
  expect(error).toMatchObject({ status: 429, type: 'tokens', code: 'rate_limit_exceeded' })
  expect(Number(error.headers?.get('retry-after-ms'))).toBeGreaterThan(0)
  goodAnswer(call)
  await first
})

test('the SDK’s own retry after the hint succeeds', async () => {
  // So many come back that the missing ones are there within the second that is the least hint.
  await using upstream = await startUpstream()
  await using gateway = await start(upstream.url, 2 * bound - 5)
  const client = clientOf(gateway, 1)
  const first = client.chat.completions.create(asked)
  const held = await upstream.nextCall()
  const second = client.chat.completions.create(asked)
  goodAnswer(await upstream.nextCall())
  expect((await second).choices).toHaveLength(1)
  const refused = await gateway.logged({ event: 'call', outcome: 'refused' })
  expect(refused).toMatchObject({ status: 429, fault: 'rate_tokens' })
  goodAnswer(held)
  await first
})

test('what is left can be read from every answer, its reset as a Go duration', async () => {
  await using upstream = await startUpstream(goodAnswer)
  await using gateway = await start(upstream.url, 100_000)
  const { response } = await clientOf(gateway, 0).chat.completions.create(asked).withResponse()
  expect(Number(response.headers.get('x-ratelimit-remaining-tokens'))).toBeLessThan(100_000)
  const reset = response.headers.get('x-ratelimit-reset-tokens') ?? ''
  // As time.ParseDuration has it: numbers with units, without a space.
  expect(reset).toMatch(/^(\d+(\.\d+)?(h|m|s|ms|us|ns))+$/)
})

test('a call beyond the whole limit is not repeated', async () => {
  await using gateway = await start('http://127.0.0.1:9', 100)
  const error = await errorOf(clientOf(gateway, 3).chat.completions.create(asked))
  expect(error).toBeInstanceOf(OpenAI.RateLimitError)
  expect(gateway.logLines().filter(({ outcome }) => outcome === 'refused')).toHaveLength(1)
})
