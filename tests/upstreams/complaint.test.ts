// Complaints of odd forms: whatever a server says of its mistake, it is read or it is nothing.
import { expect, test } from 'vitest'
import { complaintIn } from '#src/upstreams/exchange/complaint.ts'

const nested = (depth: number) => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`)

/* biome-ignore format: a table reads as a table */
test.each([
  ['as it should be',     ['body', 'stop', 0],              'body.stop.0'],
  ['of objects',          [{ toString: 1 }, 'stop'],        'stop'],
  ['that nests deeply',   ['body', nested(5_000)],          'body'],
  ['without end',         Array(100_000).fill('a'),         Array(20).fill('a').join('.')],
  ['of nothing',          [],                               ''],
])('a place %s', (_what, loc, param) => {
  expect(complaintIn({ detail: [{ loc }] }, 422)).toMatchObject({ status: 422, param })
})
