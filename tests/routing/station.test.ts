// A deployment's station, without the line in front of it: when waiting calls hear of a change,
// and that a closed station starts no timer.
import { expect, test } from 'vitest'
import { Fault } from '#src/domain/index.ts'
import { routingOptions } from '#src/routing/index.ts'
import { Station } from '#src/routing/station.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { sampleModel } from '../support/sample-model.ts'
import { scriptedDeployment } from '../support/scripted-deployment.ts'

test('a trial that told nothing is news for waiters, and no change of the circuit', async () => {
  const clock = createFakeClock()
  const told: string[] = []
  const [deployment] = sampleModel().deployments
  if (deployment === undefined) throw new Error('the sample has a deployment')
  const station = new Station(deployment, scriptedDeployment(), {
    clock,
    options: routingOptions.parse({ busyPauseMs: 1 }),
    onCircuit: (_station, state) => told.push(state),
  })
  const end = (fault: Fault | null) => {
    const permit = station.take(1)
    permit.ended(fault, { keyId: 'k', callMs: 60_000 })
    permit.release()
  }
  for (let call = 0; call < 5; call += 1)
    end(new Fault('upstream_bad_answer', { message: 'broken' }))
  await clock.advance(5_000)
  expect(told).toEqual(['open', 'half-open'])
  let news = 0
  station.onChange = () => {
    news += 1
  }
  end(new Fault('bad_request', { message: 'the client’s own' }))
  expect(station.isOpen()).toBe(true)
  expect(news).toBeGreaterThan(0)
  expect(told).toEqual(['open', 'half-open'])
  end(null)
  expect(told).toEqual(['open', 'half-open', 'closed'])
})

test('one that is closed starts no timer, whatever calls still say of it', () => {
  const clock = createFakeClock()
  const [deployment] = sampleModel().deployments
  if (deployment === undefined) throw new Error('the sample has a deployment')
  const ports = { clock, options: routingOptions.parse({}), onCircuit: () => {} }
  const station = new Station(deployment, scriptedDeployment(), ports)
  const permits = Array.from({ length: 5 }, () => station.take(1))
  station.close()
  station.pause.begin('full', 3_600_000)
  const fault = new Fault('upstream_cut', { message: 'm', started: 'yes' })
  for (const permit of permits) permit.ended(fault, { keyId: 'k', callMs: 60_000 })
  expect(clock.pending()).toBe(0)
})
