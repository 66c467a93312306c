// One key asks for two thousand sequences with each call. Another key's small call waits for one of
// them at most, and a server is never given more sequences than it has places, but for one call that
// is alone.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { storageOptions } from '#src/storage/index.ts'
import { commandsOver } from '../support/run-commands.ts'
import { answerWhole, startUpstream, usageOf } from '../support/scripted-upstream.ts'
import { startTestGateway } from '../support/test-gateway.ts'
import { until } from '../support/until.ts'

const slots = 64
const path = '/v1/completions'
const prompts = 256
const choicesEach = 8
const heavy = { model: 'test-model', prompt: Array(prompts).fill('Once'), n: choicesEach }
const small = { model: 'test-model', prompt: 'Once' }

function sequencesOf(body: string): number {
  const { prompt, n = 1 } = JSON.parse(body)
  return (Array.isArray(prompt) ? prompt.length : 1) * n
}

function answerOf(body: string): string {
  const choices = Array.from({ length: sequencesOf(body) }, (_, index) => ({
    index,
    text: 'a',
    logprobs: null,
    finish_reason: 'stop',
  }))
  const id = { id: 'cmpl-1', object: 'text_completion', created: 1, model: 'served/model' }
  return JSON.stringify({ ...id, choices, usage: usageOf(1, choices.length) })
}

test('a small call waits for one heavy call at most', async () => {
  await using upstream = await startUpstream()
  const model = {
    id: 'test-model',
    surfaces: ['openai-completions'],
    contextTokens: 100_000,
    prices: { prompt: 2, completion: 6 },
    policy: { sequencesMax: 2048 },
    deployments: [
      {
        id: 'one',
        kind: 'openai-compatible',
        servedName: 'served/model',
        slots,
        options: { baseUrl: upstream.url },
      },
    ],
  }
  const config = { limits: { concurrencyMax: slots } }
  const given = { baseUrl: upstream.url, models: [model], config }
  await using gateway = await startTestGateway(given)
  const command = commandsOver(storageOptions.parse({ path: join(gateway.folder, 'podgate.db') }))
  const other = (await command('keys', 'create', '--name', 'other')).out.trim()
  await until('it opens', async () => (await gateway.get('/v1/models', other)).status === 200)
  const heavies = Array.from({ length: 3 }, () => gateway.post(heavy, {}, path))
  const first = await upstream.nextCall()
  const headers = { authorization: `Bearer ${other}` }
  const smalls = Array.from({ length: 4 }, () => gateway.post(small, { headers }, path))
  await until('they wait', async () =>
    (await gateway.metrics()).includes('podgate_queue_depth{model="test-model"} 4'),
  )
  expect(upstream.calls.map(({ body }) => sequencesOf(body))).toEqual([prompts * choicesEach])
  answerWhole(first, answerOf(first.body))
  // The small ones are next, together; the second heavy one waits until nothing else runs.
  for (let at = 0; at < 4; at += 1) {
    const call = await upstream.nextCall()
    expect(sequencesOf(call.body)).toBe(1)
    answerWhole(call, answerOf(call.body))
  }
  for (let at = 0; at < 2; at += 1) {
    const call = await upstream.nextCall()
    expect(sequencesOf(call.body)).toBe(prompts * choicesEach)
    answerWhole(call, answerOf(call.body))
  }
  const statuses = (await Promise.all([...heavies, ...smalls])).map(({ status }) => status)
  expect(statuses).toEqual(Array(7).fill(200))
})
