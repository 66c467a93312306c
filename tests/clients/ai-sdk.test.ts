// The AI SDK with two of its providers, unmodified, in front of the simulator.
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import {
  APICallError,
  embed,
  embedMany,
  generateText,
  type LanguageModel,
  Output,
  streamText,
  type Tool,
  tool,
} from 'ai'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { callRows } from '../support/ledger-rows.ts'
import { model, type SdkScene, simulated } from '../support/openai-sdk.ts'
import { testKey } from '../support/test-gateway.ts'

const { open } = simulated()
const prompt = 'Tell me about ladders'

function providers({ gateway }: SdkScene) {
  const baseURL = `${gateway.url}/v1`
  return {
    openai: createOpenAI({ apiKey: testKey, baseURL }),
    compatible: createOpenAICompatible({
      name: 'podgate',
      apiKey: testKey,
      baseURL,
      includeUsage: true,
      supportsStructuredOutputs: true,
    }),
  }
}

const chats: [string, (scene: SdkScene) => LanguageModel][] = [
  ['@ai-sdk/openai', (scene) => providers(scene).openai.chat(model)],
  ['@ai-sdk/openai-compatible', (scene) => providers(scene).compatible.chatModel(model)],
]

describe.each(chats)('a chat by %s', (_provider, chat) => {
  test('whole, with its usage', async () => {
    await using scene = await open()
    const answer = await generateText({ model: chat(scene), prompt, maxOutputTokens: 12 })
    expect(answer.text.length).toBeGreaterThan(5)
    expect(answer.finishReason).toBe('length')
    expect(answer.usage.outputTokens).toBe(12)
  })

  test('streamed, with its usage', async () => {
    await using scene = await open()
    const answer = streamText({ model: chat(scene), prompt, maxOutputTokens: 12 })
    let text = ''
    for await (const piece of answer.textStream) text += piece
    expect(text.length).toBeGreaterThan(5)
    expect(await answer.finishReason).toBe('length')
    expect((await answer.usage).outputTokens).toBe(12)
  })

  test('an object that fits its schema', async () => {
    await using scene = await open()
    const schema = z.object({ city: z.string(), people: z.number() })
    const answer = await generateText({
      model: chat(scene),
      prompt,
      output: Output.object({ schema }),
    })
    expect(schema.safeParse(answer.output).success).toBe(true)
  })

  test('a tool that must be called', async () => {
    await using scene = await open()
    const weather = tool({
      description: 'Weather of a city',
      inputSchema: z.object({ city: z.enum(['Paris', 'Berlin']) }),
    }) as Tool
    const answer = await generateText({
      model: chat(scene),
      prompt,
      tools: { weather },
      toolChoice: 'required',
    })
    const city = expect.stringMatching(/^(Paris|Berlin)$/)
    expect(answer.toolCalls[0]).toMatchObject({ toolName: 'weather', input: { city } })
  })

  test('an answer that is cut surfaces as an error, with the text so far', async () => {
    await using scene = await open()
    const errors: unknown[] = []
    const answer = streamText({
      model: chat(scene),
      prompt: '[[sim:engine-dies-after=3]] Tell me about ladders',
      onError: ({ error }) => void errors.push(error),
    })
    let text = ''
    for await (const piece of answer.textStream) text += piece
    expect(text).not.toBe('')
    expect(errors).toHaveLength(1)
    expect(callRows(scene.gateway.ledgerPath)).toMatchObject([{ outcome: 'failed' }])
  })

  test('a refusal keeps its message and is not tried again', async () => {
    await using scene = await open()
    const asked = generateText({ model: chat(scene), prompt, temperature: 9, maxRetries: 2 })
    const error = await asked.catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(APICallError)
    if (!(error instanceof APICallError)) throw error
    expect(error.statusCode).toBe(400)
    expect(error.message).toContain('temperature')
    expect(error.isRetryable).toBe(false)
  })
})

test.each([
  ['@ai-sdk/openai', (scene: SdkScene) => providers(scene).openai.completion(model)],
  [
    '@ai-sdk/openai-compatible',
    (scene: SdkScene) => providers(scene).compatible.completionModel(model),
  ],
])('a completion by %s, whole and streamed', async (_provider, completion) => {
  await using scene = await open()
  const asked = { model: completion(scene), prompt, maxOutputTokens: 9 }
  const whole = await generateText(asked)
  expect(whole.usage.outputTokens).toBe(9)
  const streamed = streamText(asked)
  let text = ''
  for await (const piece of streamed.textStream) text += piece
  expect(text.length).toBeGreaterThan(3)
  expect((await streamed.usage).outputTokens).toBe(9)
})

test.each([
  ['@ai-sdk/openai', (scene: SdkScene) => providers(scene).openai.embedding('bge-small-en')],
  [
    '@ai-sdk/openai-compatible',
    (scene: SdkScene) => providers(scene).compatible.embeddingModel('bge-small-en'),
  ],
])('embeddings by %s', async (_provider, embedding) => {
  await using scene = await open()
  const one = await embed({ model: embedding(scene), value: 'ladders' })
  expect(one.embedding.length).toBeGreaterThan(10)
  const two = await embedMany({ model: embedding(scene), values: ['ladders', 'rivers'] })
  expect(two.embeddings).toHaveLength(2)
  expect(two.embeddings[0]?.[0]).toBeCloseTo(one.embedding[0] ?? Number.NaN, 5)
})
