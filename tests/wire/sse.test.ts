// Server-sent events, cut wherever a network can cut them.
import { describe, expect, test } from 'vitest'
import { Fault } from '#src/domain/index.ts'
import { createSseSplitter, sseComment, sseData } from '#src/wire/index.ts'
import { seededOffsets } from '../support/seeded.ts'

const megabyte = 1_048_576

function decode(pieces: readonly Buffer[], eventBytesMax = 8 * megabyte): string[] {
  const { push } = createSseSplitter(eventBytesMax)
  const events: string[] = []
  for (const piece of pieces) push(piece, (data) => events.push(data))
  return events
}

function halves(bytes: Buffer, at: number): Buffer[] {
  return [bytes.subarray(0, at), bytes.subarray(at)]
}

function eachByte(bytes: Buffer): Buffer[] {
  return Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))
}

const lines = [
  ': a comment: data: not this',
  'data: {"delta":"Grüße, 世界 🚀"}',
  '',
  'event: message',
  'id: 7',
  'data:{"no":"space"}',
  'retry: 10',
  '',
  'data:  two spaces, one kept',
  'data',
  'data:',
  'data: 👩‍👩‍👧 after two empty lines',
  '',
  '',
  'database: is another field',
  'dat: as is this',
  ' data: and this',
  '',
  ': ping',
  '',
  'data: [DONE]',
  '',
]

const decoded = [
  '{"delta":"Grüße, 世界 🚀"}',
  '{"no":"space"}',
  ' two spaces, one kept\n\n\n👩‍👩‍👧 after two empty lines',
  '[DONE]',
]

function withLineEnds(ends: readonly string[]): Buffer {
  return Buffer.from(lines.map((line, at) => line + ends[at % ends.length]).join(''))
}

const streams: [string, Buffer][] = [
  ['LF', withLineEnds(['\n'])],
  ['CRLF', withLineEnds(['\r\n'])],
  ['CR', withLineEnds(['\r'])],
  ['mixed line ends', withLineEnds(['\r\n', '\n', '\r', '\r\n', '\r\n'])],
  ['mixed line ends, another way', withLineEnds(['\n', '\n', '\r', '\r\n'])],
  ['a byte order mark before data', Buffer.from(`\ufeff${lines.slice(1).join('\n')}\n`)],
]

describe.each(streams)('a stream with %s', (_what, bytes) => {
  test('decodes whole', () => {
    expect(decode([bytes])).toEqual(decoded)
  })

  test('decodes the same when it is split in two at every offset', () => {
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(decode(halves(bytes, at)), `split at ${at}`).toEqual(decoded)
    }
  })

  test('decodes the same, split in three anywhere', () => {
    for (const [from, until] of seededPairs(3, 2000, bytes.length)) {
      const pieces = [bytes.subarray(0, from), bytes.subarray(from, until), bytes.subarray(until)]
      expect(decode(pieces), `split at ${from} and ${until}`).toEqual(decoded)
    }
  })

  test('decodes the same byte by byte, with empty pieces between', () => {
    expect(decode(eachByte(bytes))).toEqual(decoded)
    const empty = Buffer.alloc(0)
    expect(decode(eachByte(bytes).flatMap((piece) => [piece, empty]))).toEqual(decoded)
  })

  test('says only the events whose blank line arrived, cut at every offset', () => {
    const ends = Array.from({ length: bytes.length + 1 }, (_, at) =>
      decode([bytes.subarray(0, at)]),
    )
    for (const [at, events] of ends.entries()) {
      expect(events, `cut at ${at}`).toEqual(decoded.slice(0, events.length))
    }
    expect(ends.at(-1)).toEqual(decoded)
    expect(ends.at(0)).toEqual([])
  })
})

function seededPairs(seed: number, count: number, max: number): [number, number][] {
  const first = seededOffsets(seed, count, max)
  const second = seededOffsets(seed + 1, count, max)
  return first.map((at, n) => [Math.min(at, second[n] ?? 0), Math.max(at, second[n] ?? 0)])
}

/* biome-ignore format: a table reads as a table */
test.each([
  ['at the stream’s beginning', [],                          false],
  ['after a comment',           [': hi\n\n'],                true],
  ['after an event',            ['data: a\n\n'],             true],
  ['after half a line',         [': hi\n\nda'],              false],
  ['after half an event',       ['data: b\n'],               false],
  ['after half a line end',     ['data: b\n\r'],             false],
])('a next event can begin %s: %s', (_what, texts, isIdle) => {
  const splitter = createSseSplitter(100)
  for (const text of texts) splitter.push(Buffer.from(text), () => {})
  expect(splitter.isIdle()).toBe(isIdle)
})

test('8 KB of long events decode the same, split at every offset', () => {
  const events = Array.from({ length: 8 }, (_, at) => `{"at":${at},"text":"${'ä€🚀'.repeat(110)}"}`)
  const bytes = Buffer.from(events.map((data) => `data: ${data}\r\n\r\n`).join(''))
  expect(bytes.length).toBeGreaterThan(8000)
  for (let at = 0; at <= bytes.length; at += 1) {
    const found = decode(halves(bytes, at))
    // Comparing 8 000 arrays of long strings one by one says nothing more.
    if (found.join('\n') !== events.join('\n')) expect(found, `split at ${at}`).toEqual(events)
  }
})

describe('events of a megabyte', () => {
  const events = ['{"small":1}', `{"text":"${'x€'.repeat(megabyte / 4)}"}`, '[DONE]']

  test.each(['\n', '\r\n', '\r'])('decode the same at 1 000 offsets, lines ended by %j', (end) => {
    const bytes = Buffer.from(events.map((data) => `data: ${data}${end}${end}`).join(''))
    expect(bytes.length).toBeGreaterThan(megabyte)
    for (const at of offsets(bytes, end)) {
      const found = decode(halves(bytes, at))
      const isSame = found.length === 3 && found.every((data, n) => data === events[n])
      expect(isSame, `split at ${at}`).toBe(true)
    }
  })

  function offsets(bytes: Buffer, end: string): number[] {
    const around = []
    for (let at = bytes.indexOf(end); at !== -1; at = bytes.indexOf(end, at + 1)) {
      for (let near = at - 4; near <= at + end.length + 4; near += 1) around.push(near)
    }
    const inside = around.filter((at) => at >= 0 && at <= bytes.length)
    return [...new Set([...inside, ...seededOffsets(7, 1000, bytes.length)])]
  }
})

test('the work grows with the bytes, not with their square', () => {
  // Two megabytes in one event, a byte at a time: copying what is held at every byte would be
  // 2 × 10^12 bytes, and never end within the time that a test has.
  const bytes = Buffer.from(`data: ${'x'.repeat(2 * megabyte)}\n\n`)
  const { push } = createSseSplitter(8 * megabyte)
  const found: string[] = []
  for (let at = 0; at < bytes.length; at += 1) {
    push(bytes.subarray(at, at + 1), (data) => found.push(data))
  }
  expect(found).toHaveLength(1)
  expect(found[0]).toHaveLength(2 * megabyte)
  const manyLines = Buffer.from(`${'data: x\n'.repeat(megabyte / 4)}\n`)
  expect(decode([manyLines], 64 * megabyte)[0]).toHaveLength(megabyte / 2 - 1)
})

describe('an event that is too large', () => {
  const max = 1000

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['in one line, never ended',      [`data: ${'x'.repeat(max + 10)}`]],
    ['in one line, in small pieces',  ['data: ', ...Array.from({ length: 200 }, () => 'xxxxxx')]],
    ['in one line, ended at once',    [`data: ${'x'.repeat(max + 10)}\n\n`]],
    ['in many lines',                 Array.from({ length: 300 }, () => 'data: xxxx\n')],
    ['in lines of nothing',           Array.from({ length: 100 }, () => 'data:\n')],
    ['in a comment without an end',   [`: ${'x'.repeat(max + 10)}`]],
  ])('%s, is refused', (_what, texts) => {
    const pieces = texts.map((text) => Buffer.from(text))
    const refusal = thrownBy(() => decode(pieces, max))
    expect(refusal).toBeInstanceOf(Fault)
    expect(refusal).toMatchObject({ kind: 'upstream_too_large', started: 'yes' })
  })

  test('is not one that just fits, however often it comes', () => {
    const data = 'x'.repeat(max - 6)
    const bytes = Buffer.from(sseData(data).repeat(50))
    expect(decode(eachByte(bytes), max)).toEqual(Array.from({ length: 50 }, () => data))
  })
})

test('what is held is counted, and let go of with the event', () => {
  const splitter = createSseSplitter(megabyte)
  splitter.push(Buffer.from('data: 12345\nda'), () => {})
  expect(splitter.heldBytes()).toBe(7)
  splitter.push(Buffer.from('ta: 6\n\n'), () => {})
  expect(splitter.heldBytes()).toBe(0)
})

test('what is written is what is read', () => {
  expect(decode([Buffer.from(sseData('{"a":1}'))])).toEqual(['{"a":1}'])
  expect(decode([Buffer.from(sseComment('podgate queued'))])).toEqual([])
})

test('a comment cannot be left by a line end in its text', () => {
  const text = sseComment('a\r\n\r\ndata: not said\n\rb')
  expect(text).toBe(': a data: not said b\n\n')
  expect(decode([Buffer.from(text)])).toEqual([])
})

function thrownBy(work: () => unknown): unknown {
  try {
    work()
  } catch (cause) {
    return cause
  }
  return null
}
