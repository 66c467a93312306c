// What a client's headers say about its patience, and what becomes of it.
import { describe, expect, test } from 'vitest'
import { callTimesOf } from '#src/http/client-hints.ts'

const configured = { totalMs: 600_000, keepAliveMs: 10_000 }

/* biome-ignore format: a table reads as a table */
describe.each([
  // headers                                                         stream                                     whole
  [{},                                                               { totalMs: 600_000, keepAliveMs: 10_000 }, { totalMs: 280_000 }],
  [{ 'x-podgate-deadline-ms': '5000' },                              { totalMs: 5000, keepAliveMs: 10_000 },    { totalMs: 5000 }],
  [{ 'x-podgate-deadline-ms': '900000' },                            { totalMs: 600_000 },                      { totalMs: 280_000 }],
  [{ 'x-stainless-timeout': '600' },                                 { totalMs: 600_000, keepAliveMs: 10_000 }, { totalMs: 280_000 }],
  [{ 'x-stainless-timeout': '20' },                                  { totalMs: 600_000, keepAliveMs: 8000 },   { totalMs: 20_000 }],
  [{ 'x-stainless-timeout': '60', 'x-stainless-read-timeout': '5' }, { totalMs: 600_000, keepAliveMs: 2000 },   { totalMs: 5000 }],
  [{ 'x-stainless-timeout': '1', 'x-stainless-read-timeout': '600' }, { totalMs: 600_000, keepAliveMs: 400 }, { totalMs: 1000 }],
  [{ 'x-stainless-read-timeout': '5' },                              { totalMs: 600_000, keepAliveMs: 2000 },   { totalMs: 5000 }],
  [{ 'x-stainless-timeout': '20', 'x-podgate-deadline-ms': '7000' }, { totalMs: 7000, keepAliveMs: 8000 },      { totalMs: 7000 }],
  [{ 'x-stainless-timeout': 'NOT_GIVEN' },                           { totalMs: 600_000, keepAliveMs: 10_000 }, { totalMs: 280_000 }],
  [{ 'x-stainless-timeout': '-1' },                                  { totalMs: 600_000, keepAliveMs: 10_000 }, { totalMs: 280_000 }],
  [{ 'x-stainless-timeout': '0' },                                   { totalMs: 600_000, keepAliveMs: 10_000 }, { totalMs: 280_000 }],
  [{ 'x-stainless-timeout': '' },                                    { totalMs: 600_000, keepAliveMs: 10_000 }, { totalMs: 280_000 }],
])('%j', (headers, stream, whole) => {
  test('on a stream', () => {
    expect(callTimesOf(headers, true, configured)).toMatchObject(stream)
  })

  test('on a whole answer', () => {
    expect(callTimesOf(headers, false, configured)).toMatchObject(whole)
  })
})

test.each([
  '0',
  '00',
  '-5',
  '+5',
  '0x10',
  '1e3',
  '5.0',
  '5 0',
  ' 5',
  '5, 5',
  'soon',
  '',
  'NaN',
  'Infinity',
])('a deadline of %j is refused, and the header is named', (value) => {
  const headers = { 'x-podgate-deadline-ms': value }
  expect(() => callTimesOf(headers, true, configured)).toThrow(
    expect.objectContaining({ kind: 'bad_request', param: 'x-podgate-deadline-ms' }),
  )
})

/* biome-ignore format: a table reads as a table */
test.each([
  [{},                            null],
  [{ 'x-podgate-wait': 'never' }, 0],
  [{ 'x-podgate-wait': '0' },     0],
  [{ 'x-podgate-wait': '7' },     7000],
])('%j is patience for a place of %j ms', (headers, waitMaxMs) => {
  expect(callTimesOf(headers, true, configured)).toMatchObject({ waitMaxMs })
})

test.each(['always', 'Never', '-1', '1.5', '0x10', '1e3', '', '7, 7'])(
  'a wait of %j is refused, and the header is named',
  (value) => {
    const headers = { 'x-podgate-wait': value }
    expect(() => callTimesOf(headers, true, configured)).toThrow(
      expect.objectContaining({ kind: 'bad_request', param: 'x-podgate-wait' }),
    )
  },
)
