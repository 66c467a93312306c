// A completion on its way to its client: several prompts in one stream, the envelope put right.
import { describe, expect, test } from 'vitest'
import { expectShape } from '../../support/schema-checks.ts'
import {
  callOf,
  chunkFrom,
  refusalOf,
  shownIn,
  surfaceNamed,
  wholeEvent,
} from '../../support/surface-call.ts'

const completions = surfaceNamed('openai-completions')
const head = { id: 'cmpl-1', object: 'text_completion', created: 1, model: 'served' }
const stream = { stream: true, stream_options: { include_usage: true } }

function encoder(given: Record<string, unknown> = {}) {
  return completions.encoder(callOf(completions, { model: 'asked', prompt: 'Once', ...given }))
}

function chunk(choices: unknown[], more: Record<string, unknown> = {}) {
  return chunkFrom(JSON.stringify({ ...head, choices, ...more }))
}

function said(index: number, text: string, more: Record<string, unknown> = {}) {
  return { index, text, logprobs: null, finish_reason: null, ...more }
}

function usage(prompt: number, completion: number) {
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
  }
}

describe('a stream of several prompts', () => {
  test('is complete when every choice of every prompt has finished', () => {
    const one = encoder({ ...stream, prompt: ['a', 'b'], n: 2 })
    for (const index of [3, 0, 2]) {
      one.take(chunk([said(index, 'x', { finish_reason: 'length' })]))
      expect(one.isComplete()).toBe(false)
    }
    one.take(chunk([said(1, 'x', { finish_reason: 'stop' })]))
    expect(one.isComplete()).toBe(true)
  })

  test('counts the tokens of each choice once, and those of each prompt once', () => {
    const one = encoder({ ...stream, prompt: ['a', 'b'], n: 2 })
    one.take(chunk([said(0, 'x')], { usage: usage(3, 1) }))
    one.take(chunk([said(1, 'x')], { usage: usage(3, 4) }))
    one.take(chunk([said(3, 'x')], { usage: usage(5, 2) }))
    one.take(chunk([said(0, 'x')], { usage: usage(3, 2) }))
    expect(one.usage()).toMatchObject({ promptTokens: 8, completionTokens: 8, source: 'running' })
  })

  test('leaves every text with its own index', () => {
    const one = encoder({ ...stream, prompt: ['a', 'b'] })
    expect(shownIn(one.take(chunk([said(1, ' Paris')]))).choices).toEqual([said(1, ' Paris')])
  })
})

describe('usage', () => {
  test('is left out of chunks, where OpenAI’s shape has no null, and shown at the end', () => {
    const one = encoder(stream)
    const first = shownIn(one.take(chunk([said(0, 'x')], { usage: usage(3, 1) })))
    expect(first).toEqual({ ...head, model: 'asked', choices: [said(0, 'x')] })
    expect(one.take(chunk([], { usage: usage(3, 1) }))).toBeNull()
    const [usageEvent = '', ...rest] = one.end('n').split('\n\n')
    const last = JSON.parse(usageEvent.slice(6))
    expect(last).toEqual({ ...head, model: 'asked', choices: [], usage: usage(3, 1) })
    expect(rest).toEqual([': n', 'data: [DONE]', ''])
    for (const shown of [first, last]) expectShape('completion', shown)
  })

  test('is made of the running count where the upstream forgot the end', () => {
    const one = encoder(stream)
    one.take(chunk([said(0, 'x', { finish_reason: 'stop' })], { usage: usage(3, 1) }))
    const made = JSON.parse(one.end('n').split('\n\n')[0]?.slice(6) ?? '')
    expect(made).toEqual({ ...head, model: 'asked', choices: [], usage: usage(3, 1) })
    expectShape('completion', made)
  })
})

describe('a whole answer', () => {
  test('has what OpenAI always shows, and not what is the operator’s', () => {
    const choice = {
      ...said(0, ' Paris', { finish_reason: 'repetition', stop_reason: 5 }),
      logprobs: undefined,
      token_ids: [1],
      routed_experts: null,
      prompt_logprobs: [null],
      prompt_token_ids: [2],
    }
    const details = {
      prompt_tokens_details: { cached_tokens: 1, created_cache_tokens: 2, multimodal_tokens: null },
      completion_tokens_details: null,
    }
    const answer = {
      ...head,
      choices: [choice],
      usage: { ...usage(3, 1), ...details },
      metrics: {},
    }
    const text = encoder().take(wholeEvent(answer)) ?? ''
    const shown = JSON.parse(text)
    expect(shown).toEqual({
      ...head,
      model: 'asked',
      choices: [
        {
          index: 0,
          text: ' Paris',
          finish_reason: 'stop',
          stop_reason: 5,
          logprobs: null,
        },
      ],
      usage: {
        ...usage(3, 1),
        prompt_tokens_details: { cached_tokens: 1, cache_write_tokens: 2 },
      },
    })
    expectShape('completion', shown)
  })

  test('of one choice too few is not complete', () => {
    const one = encoder({ n: 2 })
    one.take(wholeEvent({ ...head, choices: [said(0, 'x', { finish_reason: 'stop' })] }))
    expect(one.isComplete()).toBe(false)
  })

  test('without choices is a fault of the upstream', () => {
    const fault = refusalOf(() => encoder().take(wholeEvent({ ...head, data: [] })))
    expect(fault).toMatchObject({ kind: 'upstream_bad_answer' })
  })
})
