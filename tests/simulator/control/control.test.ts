import { expect, test } from 'vitest'
import { runSimulator } from '../support/running.ts'

const simulator = runSimulator()

test.each([
  ['an endpoint that is there', { endpoint: 'sim-phi' }, 200],
  ['all endpoints', {}, 200],
  ['an endpoint that is not there', { endpoint: 'nope' }, 404],
  ['what is no request', '{"endpoint"', 400],
])('making %s cold', async (_, body, status) => {
  expect((await simulator.call('/__control/cold', body)).status).toBe(status)
})
