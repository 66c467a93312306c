// Two endpoints serve the same model, with workers and faults of their own.
import { expect, test } from 'vitest'
import { chat, runSimulator } from '../support/running.ts'

const simulator = runSimulator()

test('sim-qwen-b serves the model of sim-qwen with workers of its own', async () => {
  const model = 'Qwen/Qwen2-7B-Instruct'
  const body = chat('hello', { model, max_tokens: 3 })
  const answer = await simulator.call('/v2/sim-qwen-b/openai/v1/chat/completions', body)
  expect(await answer.json()).toMatchObject({ model, usage: { completion_tokens: 3 } })
  const { endpoints } = await simulator.state()
  expect(endpoints['sim-qwen-b']).toMatchObject({ completed: 1, workers: { idle: 1 } })
  expect(endpoints['sim-qwen']).toMatchObject({ callsSeen: 0, completed: 0, workerList: [] })
})

test('what is made to go wrong with one leaves the other alone', async () => {
  const match = { endpoint: 'sim-qwen' }
  await simulator.call('/__control/faults', { fault: 'status=500', match })
  const statusOf = async (endpoint: string) => {
    const body = chat('hello', { max_tokens: 1 })
    const answer = await simulator.call(`/v2/${endpoint}/openai/v1/chat/completions`, body)
    return answer.status
  }
  expect([await statusOf('sim-qwen'), await statusOf('sim-qwen-b')]).toEqual([500, 200])
})
