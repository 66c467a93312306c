// The thread that writes the ledger dies while answers are on their way: their clients notice
// nothing, each call has its row once, and the log says it once.
import type { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '#src/domain/index.ts'
import { attemptRows, callRows } from '../support/ledger-rows.ts'
import { answerGood, askings, readAnswer } from '../support/openai-surfaces.ts'
import { startUpstream } from '../support/scripted-upstream.ts'
import { startTestGateway } from '../support/test-gateway.ts'
import { until } from '../support/until.ts'

test('every answer ends as if nothing had happened', async () => {
  const threads: Worker[] = []
  const add = (worker: Worker) => void threads.push(worker)
  process.on('worker', add)
  onTestFinished(() => void process.off('worker', add))
  await using upstream = await startUpstream(answerGood)
  await using gateway = await startTestGateway({ clock: systemClock, baseUrl: upstream.url })
  const ask = () => askings.map(({ path, body }) => gateway.open(body(), {}, path))
  const clients = ask()
  await threads[0]?.terminate()
  clients.push(...ask())
  for (const [at, client] of clients.entries()) {
    expect(await client.ended).toBe('whole')
    const asking = askings[at % askings.length]
    if (asking !== undefined) {
      expect(readAnswer(asking, client.text())).toMatchObject({ isComplete: true })
    }
  }
  const rows = callRows(gateway.ledgerPath)
  expect(rows.map(({ outcome }) => outcome)).toEqual(Array(clients.length).fill('ok'))
  await until('attempts are there', () => attemptRows(gateway.ledgerPath).length >= clients.length)
  expect(attemptRows(gateway.ledgerPath)).toHaveLength(clients.length)
  const told = gateway.logLines().filter(({ event }) => event === 'ledger')
  const message = expect.stringMatching(/thread has ended/)
  expect(told).toMatchObject([{ level: 'error', message }])
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200)
})
