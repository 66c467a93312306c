// A cold start that takes longer than its callers wait: one worker is woken, and nobody is blamed.
import { expect, test } from 'vitest'
import { Fault } from '#src/domain/index.ts'
import { createRouting, routingOptions } from '#src/routing/index.ts'
import { chatCall } from '../support/chat-call.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sampleModel } from '../support/sample-model.ts'
import { sampleDeployment, scriptedDeployment, unheard } from '../support/scripted-deployment.ts'

const callers = 50
const deadlineMs = 30_000
const coldStartMs = 120_000

test('fifty callers of 30 s wake one worker that takes 120 s, and open no circuit', async () => {
  const clock = createFakeClock()
  const upstream = scriptedDeployment(1)
  upstream.setReadiness({ state: 'warming', phase: 'worker', etaMs: null })
  const changes: string[] = []
  const onCircuit = (_id: string, state: string) => void changes.push(state)
  const ports = { clock, open: () => upstream, ...unheard, onCircuit }
  const routing = createRouting(ports, routingOptions.parse({}))
  const model = sampleModel({ deployments: [sampleDeployment({ slots: 32 })] })
  routing.follow([model])
  const watcher = {
    queued() {},
    leftQueue() {},
    turnedAway() {},
    progress() {},
    began: () => ({ faulted() {}, released() {} }),
  }
  const toUpstream = () => ({ path: '/p', body: Buffer.from('b') })
  const endings: Promise<unknown>[] = []
  let atOnceMost = 0
  for (let time = 0; time < coldStartMs; time += deadlineMs) {
    for (let caller = 0; caller < callers; caller += 1) {
      const controller = new AbortController()
      const call = chatCall({}, { deadlineTicksMs: clock.ticksMs() + deadlineMs })
      const late = new Fault('deadline', { message: 'late', started: 'maybe' })
      clock.after(deadlineMs, () => controller.abort(late))
      const booking = routing.book({ call, refusal: () => null }, model)
      const { signal } = controller
      const ending = routing.firstAnswer({ call, booking, signal, watcher, toUpstream })
      endings.push(ending.catch((cause: unknown) => cause))
    }
    await clock.advance(0)
    atOnceMost = Math.max(atOnceMost, routing.load()[0]?.running ?? 0)
    await clock.advance(deadlineMs)
    // The upstream lets go of the call that its client gave up.
    const { context, reject } = await upstream.nextOpen()
    context.onReleased({ how: 'held', cancellation: 'hoped' })
    reject(context.signal.reason)
    await clock.advance(0)
  }
  for (const ending of await Promise.all(endings))
    expect(ending).toMatchObject({ kind: 'deadline' })
  expect(atOnceMost).toBe(1)
  expect(upstream.opened).toHaveLength(coldStartMs / deadlineMs)
  expect(changes).toEqual([])
})
