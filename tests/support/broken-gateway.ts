// A whole gateway in front of an upstream that fails until a test makes it well, and whose circuit
// is open for that.
import { expect, onTestFinished } from 'vitest'
import { answerWhole, goodAnswer, startUpstream } from './scripted-upstream.ts'
import { chat, modelAt, startTestGateway } from './test-gateway.ts'

/** As many failures in a row open a circuit. */
const failures = 5

export async function openBrokenGateway() {
  let isWell = false
  const upstream = await startUpstream((call) => {
    if (isWell) return goodAnswer(call)
    answerWhole(call, '{"error":{"message":"broken"}}', 500)
  })
  onTestFinished(() => upstream[Symbol.asyncDispose]())
  const given = { baseUrl: upstream.url }
  const models = [modelAt(given), modelAt(given, 'other-model', 'other-deployment')]
  const config = { routing: { circuits: true } }
  const gateway = await startTestGateway({ ...given, models, config })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  for (let call = 0; call < failures; call += 1) {
    expect((await gateway.post(chat())).status).toBe(502)
  }
  return {
    gateway,
    upstream,
    becomeWell: () => {
      isWell = true
    },
  }
}
