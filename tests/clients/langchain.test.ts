// LangChain's OpenAI classes, unmodified, in front of the simulator.
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { model, type SdkScene, simulated } from '../support/openai-sdk.ts'
import { testKey } from '../support/test-gateway.ts'

const { open } = simulated()
const withUsage = z.object({
  usage_metadata: z.object({ output_tokens: z.number() }).optional(),
})

const prompt = 'Tell me about ladders'

function options({ gateway }: SdkScene) {
  return { apiKey: testKey, maxRetries: 0, configuration: { baseURL: `${gateway.url}/v1` } }
}

function chat(scene: SdkScene, extra = {}) {
  return new ChatOpenAI({ model, maxTokens: 12, ...options(scene), ...extra })
}

test('a whole chat, with its usage', async () => {
  await using scene = await open()
  const answer = await chat(scene).invoke(prompt)
  expect(String(answer.content).length).toBeGreaterThan(5)
  expect(answer).toMatchObject({ usage_metadata: { output_tokens: 12 } })
})

test('a streamed chat, with usage at its end', async () => {
  await using scene = await open()
  let text = ''
  let outputTokens = 0
  for await (const chunk of await chat(scene).stream(prompt)) {
    text += String(chunk.content)
    outputTokens += withUsage.parse(chunk).usage_metadata?.output_tokens ?? 0
  }
  expect(text.length).toBeGreaterThan(5)
  expect(outputTokens).toBe(12)
})

test('structured output', async () => {
  await using scene = await open()
  const schema = z.object({ city: z.string() })
  const structured = chat(scene, { maxTokens: 200 }).withStructuredOutput(schema, {
    method: 'jsonSchema',
  })
  expect(schema.safeParse(await structured.invoke(prompt)).success).toBe(true)
})

test('a chat whose answer is cut is an error', async () => {
  await using scene = await open()
  const read = async () => {
    const stream = await chat(scene, { maxTokens: 30 }).stream(
      '[[sim:engine-dies-after=3]] Tell me about ladders',
    )
    for await (const _ of stream);
  }
  await expect(read()).rejects.toThrow()
})

test('a completion', async () => {
  await using scene = await open()
  const completion = new OpenAI({ model, maxTokens: 9, ...options(scene) })
  expect((await completion.invoke(prompt)).length).toBeGreaterThan(3)
})

test('embeddings', async () => {
  await using scene = await open()
  const embeddings = new OpenAIEmbeddings({ model: 'bge-small-en', ...options(scene) })
  const vectors = await embeddings.embedDocuments(['ladders', 'rivers'])
  expect(vectors).toHaveLength(2)
  expect((await embeddings.embedQuery('ladders'))[0]).toBeCloseTo(vectors[0]?.[0] ?? Number.NaN, 5)
})
