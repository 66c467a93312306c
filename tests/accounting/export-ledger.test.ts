// The calls of a period as lines that other programs read.
import { expect, test } from 'vitest'
import { exportLedger, openLedger } from '#src/accounting/index.ts'
import { systemClock } from '#src/domain/index.ts'
import { sampleCall } from '../support/sample-records.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

const fromMs = 1_700_000_000_000
const all = { fromMs: 0, untilMs: Number.MAX_SAFE_INTEGER }

async function given(...calls: Parameters<typeof sampleCall>[0][]) {
  const storage = temporaryStorage()
  const ledger = await openLedger(storage, systemClock)
  for (const call of calls) await ledger.append(sampleCall(call))
  await ledger.close()
  return storage
}

test('each line is one call in the ledger’s own columns, in the order of their arrival', async () => {
  const storage = await given(
    { requestId: 'later', receivedAtMs: fromMs + 2 },
    { requestId: 'first', receivedAtMs: fromMs },
  )
  const rows = [...exportLedger(storage, { ...all, format: 'jsonl' })].map((line) =>
    JSON.parse(line),
  )
  expect(rows.map((row) => row.request_id)).toEqual(['first', 'later'])
  expect(rows[0]).toMatchObject({
    key_id: 'key_1',
    model: 'phi-2',
    status: 200,
    error_code: null,
    charge_nano_usd: 410_000,
    duration_ms: 1234.5,
  })
})

test('a period has its first moment and not its last: periods that meet share no call', async () => {
  const moments = [fromMs - 1, fromMs, fromMs + 9, fromMs + 10]
  const storage = await given(
    ...moments.map((receivedAtMs) => ({ requestId: String(receivedAtMs), receivedAtMs })),
  )
  const lines = exportLedger(storage, { fromMs, untilMs: fromMs + 10, format: 'jsonl' })
  expect([...lines].map((line) => JSON.parse(line).received_at_ms)).toEqual([fromMs, fromMs + 9])
})

test('CSV has a head, and quotes what would break a line', async () => {
  const teamId = 'a "team", with\nall of it'
  const storage = await given({ requestId: 'req_1', teamId, endUserHash: null })
  const [head, row] = [...exportLedger(storage, { ...all, format: 'csv' })]
  expect(head).toMatch(/^request_id,client_request_id,key_id,team_id,end_user_hash,surface,/)
  expect(row).toMatch(/^req_1,client-1,key_1,"a ""team"", with\nall of it",,openai-chat,/)
})

test('nothing is a head and no line', async () => {
  const storage = await given()
  expect([...exportLedger(storage, { ...all, format: 'csv' })]).toHaveLength(1)
  expect([...exportLedger(storage, { ...all, format: 'jsonl' })]).toEqual([])
})

test('whoever stops early leaves nothing open', async () => {
  const storage = await given({ requestId: 'a' }, { requestId: 'b' })
  for (const line of exportLedger(storage, { ...all, format: 'jsonl' })) {
    expect(JSON.parse(line).request_id).toBe('a')
    break
  }
  const ledger = await openLedger(storage, systemClock)
  await ledger.append(sampleCall({ requestId: 'c' }))
  await ledger.close()
})
