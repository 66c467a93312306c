// RunPod's provider for the AI SDK, unmodified, straight at the simulator's OpenAI route.
import { createRunpod } from '@runpod/ai-sdk-provider'
import { APICallError, generateText, streamText } from 'ai'
import { describe, expect, test } from 'vitest'
import { runSimulator } from '../support/running.ts'

const model = 'microsoft/phi-2'
const prompt = 'Tell me about ladders'

function chatOf(simulator: ReturnType<typeof runSimulator>) {
  const baseURL = `${simulator.url()}/v2/sim-phi/openai/v1`
  return createRunpod({ apiKey: 'sim-key', baseURL }).chatModel(model)
}

/** Everything a stream gave until it ended, well or badly. */
async function streamed(asked: Parameters<typeof streamText>[0]) {
  const errors: unknown[] = []
  const answer = streamText({ ...asked, onError: ({ error }) => void errors.push(error) })
  let text = ''
  for await (const piece of answer.textStream) text += piece
  return { answer, text, errors }
}

describe('@runpod/ai-sdk-provider', () => {
  const simulator = runSimulator()

  test('gets a whole answer with its usage', async () => {
    const answer = await generateText({ model: chatOf(simulator), prompt, maxOutputTokens: 12 })
    expect(answer.text.length).toBeGreaterThan(5)
    expect([answer.finishReason, answer.usage.outputTokens]).toEqual(['length', 12])
  })

  test('gets a stream with its usage, for which it always asks', async () => {
    const asked = { model: chatOf(simulator), prompt, maxOutputTokens: 12 }
    const { answer, text, errors } = await streamed(asked)
    expect(text.length).toBeGreaterThan(5)
    expect([await answer.finishReason, errors]).toEqual(['length', []])
    expect((await answer.usage).outputTokens).toBe(12)
  })

  test('takes a failed job for an error that is worth another try', async () => {
    const asked = { model: chatOf(simulator), prompt, temperature: -1, maxRetries: 0 }
    const error = await generateText(asked).catch((cause: unknown) => cause)
    if (!APICallError.isInstance(error)) throw error
    expect([error.statusCode, error.isRetryable]).toEqual([500, true])
    expect(error.message).toBe('Internal Server Error')
  })

  test('sees that a stream was broken off', async () => {
    const broken = `[[sim:end-after=3]] ${prompt}`
    const { answer, text } = await streamed({ model: chatOf(simulator), prompt: broken })
    expect(text).not.toBe('')
    expect(await answer.finishReason).not.toBe('stop')
  })

  test('sees the error of an engine that died, and keeps the text before it', async () => {
    const broken = `[[sim:engine-dies-after=3]] ${prompt}`
    const { text, errors } = await streamed({ model: chatOf(simulator), prompt: broken })
    expect(text).not.toBe('')
    expect(errors).toHaveLength(1)
  })

  test('leaves a stream when it is told to', async () => {
    const leaving = new AbortController()
    const asked = { model: chatOf(simulator), prompt: '[[sim:stall-after=2]] Wait' }
    const answer = streamText({ ...asked, abortSignal: leaving.signal })
    const kinds: string[] = []
    for await (const part of answer.stream) {
      kinds.push(part.type)
      if (part.type === 'text-delta') leaving.abort()
    }
    expect(kinds.at(-1)).toBe('abort')
  })
})

describe('@runpod/ai-sdk-provider, in front of an edge without patience', () => {
  const simulator = runSimulator({ edgeTimeoutMs: 50 })

  test('takes the edge’s page for an error that is worth another try', async () => {
    const asked = { model: chatOf(simulator), prompt: '[[sim:slow-first=60000]]', maxRetries: 0 }
    const error = await generateText(asked).catch((cause: unknown) => cause)
    if (!APICallError.isInstance(error)) throw error
    expect([error.statusCode, error.isRetryable]).toEqual([524, true])
    expect(error.responseHeaders?.['content-type']).toContain('text/html')
  })
})
