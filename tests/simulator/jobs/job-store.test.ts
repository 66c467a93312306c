// An endpoint remembers only so many jobs: those that ended make room for new ones, and those that
// run do not.
import { expect, test } from 'vitest'
import { chatInput, jobCalls } from '../support/jobs.ts'
import { runSimulator } from '../support/running.ts'

const simulator = runSimulator({ jobsMax: 3 })
const { get, post, run } = jobCalls(simulator)

async function done(): Promise<string> {
  const id = await run(chatInput('hi', { max_tokens: 1 }))
  expect((await get(`status-sync/${id}`)).body.status).toBe('COMPLETED')
  return id
}

test('a job that goes on keeps its place, and those that ended make room behind it', async () => {
  const stalled = await run(chatInput('[[sim:stall-after=0]]', { stream: true }))
  const ended = [await done(), await done(), await done(), await done()]
  expect((await get(`status/${stalled}`)).body.status).toBe('IN_PROGRESS')
  const found = await Promise.all(ended.map(async (id) => (await get(`status/${id}`)).status))
  expect(found).toEqual([404, 404, 200, 200])
  await post(`cancel/${stalled}`)
})

test('where every job goes on there is no room for another', async () => {
  const input = chatInput('[[sim:stall-after=0]]', { stream: true })
  const ids = [await run(input), await run(input), await run(input)]
  expect((await post('run', { input })).status).toBe(429)
  for (const id of ids) await post(`cancel/${id}`)
})
