import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { eventsOf } from '../support/client-call.ts'
import { callRows } from '../support/ledger-rows.ts'
import { goodAnswer, startUpstream } from '../support/scripted-upstream.ts'
import { chat, kinds, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

describe.each(kinds)('in front of %s', (kind) => {
  test('the row is in the file when [DONE] arrives', async () => {
    await using upstream = await startUpstream(goodAnswer)
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind })
    for (let calls = 1; calls <= 20; calls += 1) {
      const client = gateway.open(chat({ stream: true }))
      await client.seen('[DONE]')
      expect(callRows(gateway.ledgerPath)).toHaveLength(calls)
    }
    expect(new Set(callRows(gateway.ledgerPath).map(({ outcome }) => outcome))).toEqual(
      new Set(['ok']),
    )
  })

  test('the row is in the file when a whole answer arrives', async () => {
    await using upstream = await startUpstream(goodAnswer)
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind })
    const response = await gateway.post(chat())
    expect(callRows(gateway.ledgerPath)).toMatchObject([
      { request_id: response.headers.get('x-request-id'), outcome: 'ok', prompt_tokens: 11 },
    ])
  })
})

test('while the ledger is locked, the end of answers is held back, then released', async () => {
  await using upstream = await startUpstream(goodAnswer)
  await using gateway = await startTestGateway({ baseUrl: upstream.url })
  const lock = lockLedger(gateway)
  const stream = gateway.open(chat({ stream: true }))
  const whole = gateway.open(chat())
  await stream.seen(' there')
  await stream.seen('"finish_reason":"stop"')
  // The other call is over at the upstream as well, and has its turns to say so if it would.
  await Promise.all([upstream.nextCall(), upstream.nextCall()])
  for (let turn = 0; turn < 500; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  expect(stream.text()).not.toContain('[DONE]')
  expect(whole.text()).toBe('')
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200)

  lock.release()
  expect(await stream.ended).toBe('whole')
  expect(eventsOf(stream.text()).isDone).toBe(true)
  expect(await whole.ended).toBe('whole')
  expect((await whole.head).statusCode).toBe(200)
  expect(callRows(gateway.ledgerPath)).toHaveLength(2)
})

test('a ledger that stays locked fails calls, turns readiness red, and recovers', async () => {
  await using upstream = await startUpstream(goodAnswer)
  await using gateway = await startTestGateway({ baseUrl: upstream.url })
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
