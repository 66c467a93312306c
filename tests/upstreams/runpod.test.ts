// What a RunPod endpoint learns of itself from the calls that it answers: a real server, and a clock
// that stands still, because how long an endpoint stays warm is no matter of sockets.
import { expect, onTestFinished, test } from 'vitest'
import { openUpstream, upstreamOptions } from '#src/upstreams/index.ts'
import { attempt, listen } from '../contracts/subject.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sampleDeployment } from '../support/scripted-deployment.ts'
import {
  answerWhole,
  goodAnswer,
  type Script,
  startUpstream,
} from '../support/scripted-upstream.ts'

const warmForMs = 60_000
const slots = 4

async function meet(script: Script) {
  const server = await startUpstream(script)
  const clock = createFakeClock()
  const options = { endpointId: 'ep', baseUrl: `${server.url}/v2` }
  const upstream = openUpstream({
    deployment: sampleDeployment({ kind: 'runpod', slots, options }),
    latest: () => sampleDeployment({ slots }),
    options: upstreamOptions.parse({ warmForMs }),
    settings: { section: {}, secret: () => 'a-key' },
    clock,
  })
  onTestFinished(async () => {
    await upstream.close()
    await server[Symbol.asyncDispose]()
  })
  return { clock, upstream }
}

test('an endpoint that answered is warm for a while, and then cold again', async () => {
  const { clock, upstream } = await meet(goodAnswer)
  const one = attempt(upstream)
  expect(upstream.readiness()).toMatchObject({ state: 'warming' })
  await listen(await one.answer)
  await one.released
  expect([upstream.readiness().state, upstream.capacity()]).toEqual(['warm', slots])
  await clock.advance(warmForMs - 1)
  expect([upstream.readiness().state, upstream.capacity()]).toEqual(['warm', slots])
  await clock.advance(1)
  expect([upstream.readiness().state, upstream.capacity()]).toEqual(['cold', 1])
})

test('an endpoint that failed the call that was to wake it is as cold as before', async () => {
  const { upstream } = await meet((call) => answerWhole(call, '{}', 500))
  const one = attempt(upstream)
  await expect(one.answer).rejects.toMatchObject({ kind: 'upstream_bad_answer' })
  await one.released
  expect([upstream.readiness().state, upstream.capacity()]).toEqual(['cold', 1])
})
