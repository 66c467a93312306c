// A real vLLM's way of dying, as recorded, on one of two deployments: streams in the middle end in
// one error event, and everybody else gets an answer.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { root } from '../house/source-files.ts'
import { eventsOf } from '../support/client-call.ts'
import {
  answerWhole,
  beginStream,
  goodAnswer,
  startUpstream,
} from '../support/scripted-upstream.ts'
import { chat, startTestGateway } from '../support/test-gateway.ts'

const recorded: string[] = JSON.parse(
  readFileSync(`${root}tests/golden/upstream/vllm-engine-killed-stream.json`, 'utf8'),
)
const failedAt = recorded.findIndex((piece) => piece.includes('"error"'))
const refusal = JSON.stringify({
  error: {
    message: 'EngineCore encountered an issue. See stack trace (above) for the root cause.',
    type: 'InternalServerError',
    param: null,
    code: 500,
  },
})

test('streams in the middle get one error event, all others an answer', async () => {
  const dead = Promise.withResolvers<void>()
  let isDead = false
  const first = await startUpstream(async (call) => {
    if (isDead) return answerWhole(call, refusal, 500)
    if (JSON.parse(call.body).stream !== true) {
      await dead.promise
      return answerWhole(call, refusal, 500)
    }
    beginStream(call)
    for (const piece of recorded.slice(0, failedAt)) call.response.write(piece)
    await dead.promise
    call.response.end(recorded.slice(failedAt).join(''))
  })
  await using _first = first
  await using second = await startUpstream(goodAnswer)
  const deployments = [first, second].map(({ url }, at) => ({
    id: `vllm-${at}`,
    kind: 'openai-compatible',
    servedName: 'served/model',
    slots: 16,
    options: { baseUrl: url },
  }))
  const surfaces = ['openai-chat']
  const prices = { prompt: 2, completion: 6 }
  const model = { id: 'test-model', surfaces, contextTokens: 4096, prices, deployments }
  const config = { routing: { retries: true, circuits: true } }
  const baseUrl = first.url
  await using gateway = await startTestGateway({ baseUrl, models: [model], config })
  const streams = Array.from({ length: 8 }, () => gateway.open(chat({ stream: true })))
  await Promise.all(streams.map((one) => one.seen('"content":" the"')))
  const whole = gateway.post(chat())
  await first.nextCall()
  isDead = true
  dead.resolve()
  for (const stream of streams) {
    await stream.ended
    const { events, isDone } = eventsOf(stream.text())
    expect(events.filter((event) => 'error' in event)).toHaveLength(1)
    expect(isDone).toBe(false)
  }
  expect((await whole).status).toBe(200)
  for (let time = 0; time < 8; time += 1) {
    const response = await gateway.post(chat({ stream: time % 2 === 0 }))
    expect(await response.text()).not.toContain('"error"')
  }
})
