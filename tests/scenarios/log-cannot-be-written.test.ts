// The log's disk is full, from the start on: calls are answered and written down, a refusal is one,
// an operator can see it, and the process ends when it is told to.
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { eventsOf } from '../support/client-call.ts'
import { callRows } from '../support/ledger-rows.ts'
import { watchProcess } from '../support/running-process.ts'
import { goodAnswer, startUpstream } from '../support/scripted-upstream.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { adminKey, chat, modelAt, testKey } from '../support/test-gateway.ts'

const main = fileURLToPath(new URL('../../scripts/podgate.js', import.meta.url))

/** What it listens on it cannot say. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' ? (address?.port ?? 0) : 0
}

async function startMute(baseUrl: string) {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'configs/prod'), { recursive: true })
  const models = { models: [modelAt({ baseUrl })] }
  writeFileSync(join(folder, 'configs/prod/models.yaml'), JSON.stringify(models))
  const port = await freePort()
  const full = openSync('/dev/full', 'a')
  const child = spawn(process.execPath, [main, 'serve'], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      ENV: 'prod',
      API_PORT: String(port),
      API_KEYS: testKey,
      API_ADMIN_KEY: adminKey,
      EXTERNAL_TEST_KEY: 'a-key-of-theirs',
    },
    stdio: ['ignore', full, 'pipe'],
  })
  closeSync(full)
  onTestFinished(() => void child.kill('SIGKILL'))
  const url = `http://127.0.0.1:${port}`
  const isReady = () =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await isReady())) if (child.exitCode !== null) throw new Error('it did not start')
  return {
    url,
    child,
    running: watchProcess(child),
    ledgerPath: join(folder, 'data/podgate-ledger.db'),
  }
}

test('a log that nobody can write keeps no answer from its client', async () => {
  await using upstream = await startUpstream(goodAnswer)
  const { url, child, running, ledgerPath } = await startMute(upstream.url)
  const post = async (body: unknown, key = testKey) => {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    const path = `${url}/v1/chat/completions`
    const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) })
    return { status: response.status, text: await response.text() }
  }
  for (let n = 0; n < 40; n += 1) {
    const streamed = await post(chat({ stream: true }))
    expect(eventsOf(streamed.text).isDone).toBe(true)
    const refused = await post(chat(), 'a-wrong-key-0123456789')
    expect([401, 429]).toContain(refused.status)
    expect(JSON.parse(refused.text).error).toHaveProperty('code')
  }
  const headers = { authorization: `Bearer ${adminKey}` }
  const metrics = await (await fetch(`${url}/metrics`, { headers })).text()
  expect(metrics).toMatch(/^podgate_log_lost_lines \d+$/m)
  child.kill('SIGTERM')
  expect(await running.exited).toBe(0)
  expect(running.stderr()).toBe('')
  expect(callRows(ledgerPath)).toHaveLength(40)
})
