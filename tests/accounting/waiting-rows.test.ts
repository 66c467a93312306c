// A disk that takes its time, and a thread that dies with a batch: played by a writer that answers
// when the test says so.
import { expect, test } from 'vitest'
import { createWaitingRows } from '#src/accounting/waiting-rows.ts'
import type { Batch, RefusedRow } from '#src/storage/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { callNumber, followed } from '../support/ledger-at-hand.ts'

interface Asked {
  batch: Batch
  /** The rows' ids. */
  ids: unknown[]
  answer: PromiseWithResolvers<readonly RefusedRow[] | null>
}

function given() {
  const clock = createFakeClock()
  const asked: Asked[] = []
  const troubles: unknown[] = []
  let revoked = 0
  const waiting = createWaitingRows({
    clock,
    holdMs: 1000,
    rowsWaitingMax: 100,
    writer: {
      commit(batch) {
        const answer = Promise.withResolvers<readonly RefusedRow[] | null>()
        const ids = batch.calls.filter((value) => String(value).startsWith('req_'))
        asked.push({ batch, ids, answer })
        return answer.promise
      },
      revoke() {
        revoked += 1
      },
    },
    onWritten: () => {},
    onTrouble: (cause) => troubles.push(cause),
  })
  const append = (id: number) =>
    followed(
      new Promise((resolve, reject) =>
        waiting.push({
          kind: 'call',
          record: callNumber(id, { stream: false }),
          resolve,
          reject,
          sinceTicksMs: 0,
        }),
      ),
    )
  const emptied = () => followed(waiting.emptied())
  /** An answer is heard in one turn of the event loop, and the next batch goes in the one after. */
  const twoTurns = async () => {
    await clock.advance(0)
    await clock.advance(0)
  }
  return { clock, asked, troubles, append, emptied, revoked: () => revoked, twoTurns }
}

test('one batch at a time: what comes while it is written is the next one', async () => {
  const { clock, asked, append, twoTurns } = given()
  const first = append(1)
  await clock.advance(0)
  const others = [append(2), append(3)]
  await clock.advance(0)
  expect(asked.map(({ ids }) => ids)).toEqual([['req_1']])
  asked[0]?.answer.resolve(null)
  await twoTurns()
  expect(first.is).toBe('committed')
  expect(asked.map(({ ids }) => ids)).toEqual([['req_1'], ['req_2', 'req_3']])
  asked[1]?.answer.resolve(null)
  await clock.advance(0)
  expect(others.map(({ is }) => is)).toEqual(['committed', 'committed'])
})

test('a batch waits while each turn of the event loop brings more rows', async () => {
  const { clock, asked, append } = given()
  append(1)
  append(2)
  await clock.advance(0)
  append(3)
  await clock.advance(0)
  expect(asked).toEqual([])
  await clock.advance(0)
  expect(asked.map(({ ids }) => ids)).toEqual([['req_1', 'req_2', 'req_3']])
})

test('a batch waits no longer than 2 ms for more', async () => {
  const { clock, asked, append } = given()
  for (const id of [1, 2, 3, 4]) {
    append(id)
    append(id + 10)
    await clock.advance(1)
  }
  expect(asked.map(({ ids }) => ids.length)).toEqual([6])
})

test('a batch that failed is sent again, marked so, and without those that came later', async () => {
  const { clock, asked, append, twoTurns } = given()
  append(1)
  await clock.advance(0)
  append(2)
  asked[0]?.answer.reject(new Error('the thread is gone'))
  await clock.advance(99)
  expect(asked).toHaveLength(1)
  await clock.advance(1)
  asked[1]?.answer.resolve(null)
  await twoTurns()
  expect(asked.map(({ ids, batch }) => [ids, batch.isAgain])).toEqual([
    [['req_1'], false],
    [['req_1'], true],
    [['req_2'], false],
  ])
})

test('a batch without an answer is revoked, and its calls fail in time', async () => {
  const { clock, asked, troubles, append, revoked, twoTurns } = given()
  const early = append(1)
  await clock.advance(500)
  const late = append(2)
  await clock.advance(499)
  expect([early.is, late.is, troubles.length, revoked()]).toEqual(['waiting', 'waiting', 0, 0])
  await clock.advance(1)
  expect(early).toMatchObject({ is: 'rejected', fault: { kind: 'ledger_unavailable' } })
  expect([late.is, revoked()]).toEqual(['waiting', 1])
  expect(troubles).toMatchObject([{ message: 'The ledger’s file has not taken a batch yet.' }])
  asked[0]?.answer.reject(new Error('it was revoked'))
  await clock.advance(100)
  expect(asked[1]?.batch.calls).toEqual(expect.arrayContaining(['req_1', 'failed', 503]))
  asked[1]?.answer.resolve(null)
  await twoTurns()
  asked[2]?.answer.resolve(null)
  await clock.advance(0)
  expect(late.is).toBe('committed')
})

/** The disk was away for long: two batches of calls that have failed wait for it. */
async function givenAfterOutage() {
  const one = given()
  one.append(1)
  await one.clock.advance(0)
  one.append(2)
  await one.clock.advance(1000)
  one.asked[0]?.answer.reject(new Error('it was revoked'))
  await one.clock.advance(100)
  expect([one.troubles.length > 0, one.revoked()]).toEqual([true, 1])
  return { ...one, troublesBefore: one.troubles.length }
}

test('a disk that comes back slowly is no new trouble: the calls have failed already', async () => {
  const { clock, asked, troubles, troublesBefore, emptied, revoked } = await givenAfterOutage()
  const empty = emptied()
  asked[1]?.answer.resolve(null)
  await clock.advance(900)
  expect([troubles.length, revoked(), empty.is]).toEqual([troublesBefore, 1, 'waiting'])
  asked[2]?.answer.resolve(null)
  await clock.advance(0)
  expect(empty.is).toBe('committed')
})

test('whoever waits for all rows waits no longer than that, however many were given up on', async () => {
  const { clock, asked, emptied } = await givenAfterOutage()
  const empty = emptied()
  asked[1]?.answer.resolve(null)
  await clock.advance(999)
  expect(empty.is).toBe('waiting')
  await clock.advance(1)
  expect(empty.is).toBe('rejected')
})

test('a file that refuses calls of before once more is told at once', async () => {
  const { clock, asked, troubles, troublesBefore, append, emptied } = await givenAfterOutage()
  append(3)
  const empty = emptied()
  asked[1]?.answer.resolve(null)
  await clock.advance(0)
  asked[2]?.answer.reject(new Error('the disk is full'))
  await clock.advance(0)
  expect(troubles.slice(troublesBefore)).toMatchObject([{ message: 'the disk is full' }])
  expect(empty.is).toBe('rejected')
})
