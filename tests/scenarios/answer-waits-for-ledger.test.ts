// The end of an answer waits for its row: what a client saw complete is in the file.
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { systemClock } from '#src/domain/index.ts'
import { eventsOf } from '../support/client-call.ts'
import { callRows } from '../support/ledger-rows.ts'
import {
  type Asking,
  answerGood,
  askings,
  readAnswer,
  streamAskings,
  wholeAskings,
} from '../support/openai-surfaces.ts'
import { goodAnswer, startUpstream } from '../support/scripted-upstream.ts'
import { chat, kinds, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

describe.each(kinds)('in front of %s', (kind) => {
  test.each(askings)('$name: the row is in the file when the end arrives', async (asking) => {
    await using upstream = await startUpstream(answerGood)
    await using gateway = await startTestGateway({
      clock: systemClock,
      baseUrl: upstream.url,
      kind,
    })
    for (let calls = 1; calls <= 10; calls += 1) {
      const client = gateway.open(asking.body(), {}, asking.path)
      // Before its connection is at rest: a whole body's last byte is its brace.
      await client.seen(asking.stream ? '[DONE]' : '}}')
      expect(callRows(gateway.ledgerPath)).toHaveLength(calls)
    }
    for (const row of callRows(gateway.ledgerPath)) {
      expect(row).toMatchObject({ surface: asking.surface.name, outcome: 'ok', prompt_tokens: 11 })
    }
  })
})

test('while the ledger is locked, the end of answers is held back, then released', async () => {
  await using upstream = await startUpstream(answerGood)
  await using gateway = await startTestGateway({ clock: systemClock, baseUrl: upstream.url })
  const lock = lockLedger(gateway)
  const open = ({ path, body }: Asking) => gateway.open(body(), {}, path)
  const streams = streamAskings.map(open)
  const wholes = wholeAskings.map(open)
  for (const stream of streams) {
    await stream.seen(' there')
    await stream.seen('"finish_reason":"stop"')
  }
  // The other calls are over at the upstream as well, and have their turns to say so if they would.
  for (const _ of askings) await upstream.nextCall()
  for (let turn = 0; turn < 500; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  for (const stream of streams) expect(stream.text()).not.toContain('[DONE]')
  for (const whole of wholes) expect(whole.text()).toBe('')
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200)

  lock.release()
  for (const [at, client] of [...streams, ...wholes].entries()) {
    expect(await client.ended).toBe('whole')
    expect((await client.head).statusCode).toBe(200)
    const said = readAnswer(askings[at] as Asking, client.text())
    expect(said).toMatchObject({ text: 'Hello there', isComplete: true })
  }
  expect(callRows(gateway.ledgerPath)).toHaveLength(askings.length)
})

test('a ledger that stays locked fails calls, turns readiness red, and recovers', async () => {
  await using upstream = await startUpstream(goodAnswer)
  await using gateway = await startTestGateway({ clock: systemClock, baseUrl: upstream.url })
  const lock = lockLedger(gateway)
  const stream = gateway.open(chat({ stream: true }))
  const whole = gateway.open(chat())
  expect(await whole.ended).toBe('whole')
  expect((await whole.head).statusCode).toBe(503)
  expect(JSON.parse(whole.text())).toMatchObject({ error: { code: 'ledger_unavailable' } })
  expect(await stream.ended).toBe('whole')
  const { events, isDone } = eventsOf(stream.text())
  expect(isDone).toBe(false)
  expect(events.at(-1)).toMatchObject({ error: { code: 'ledger_unavailable' } })

  const ready = await fetch(`${gateway.url}/readyz`)
  expect(ready.status).toBe(503)
  expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200)
  const refused = await gateway.post(chat())
  expect(refused.status).toBe(503)
  expect(refused.headers.get('retry-after')).toBe('5')
  expect(upstream.calls).toHaveLength(2)

  lock.release()
  await gateway.logged({ event: 'ledger', state: 'ok' })
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200)
  expect((await gateway.post(chat())).status).toBe(200)
  // What their clients saw: the whole answer never left, of the stream all but the end.
  expect(callRows(gateway.ledgerPath).map(summary).sort()).toEqual([
    'failed ledger_unavailable 0 of 503',
    'failed ledger_unavailable 34000 of 200',
    'ok null 52000 of 200',
  ])
})

function summary(row: Record<string, unknown>): string {
  return `${row.outcome} ${row.error_code} ${row.charge_nano_usd} of ${row.status}`
}

/** What another process does that holds the file. */
function lockLedger({ ledgerPath }: TestGateway) {
  const connection = new Database(ledgerPath)
  connection.exec('BEGIN EXCLUSIVE')
  return {
    release() {
      connection.exec('COMMIT')
      connection.close()
    },
  }
}
