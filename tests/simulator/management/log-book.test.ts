// The lines of a worker's log, made from the events of its life.
import { expect, test } from 'vitest'
import { type LogLine, openLogBook } from '#src/simulator/management/log-book.ts'

const container = { image: 'worker:v1', model: 'tiny' }
const event = (what: 'create' | 'start' | 'load' | 'ready' | 'stop', atMs = 1000) => ({
  atMs,
  endpointId: 'a',
  workerId: 'w1',
  what,
  jobId: null,
})

test('a worker’s life is told by the platform and by its container', () => {
  const book = openLogBook()
  for (const what of ['create', 'start', 'load', 'ready', 'stop'] as const) {
    book.note(event(what), container)
  }
  expect(book.linesOf('a', 'w1')?.map(({ source, line }) => `${source}: ${line}`)).toEqual([
    'system: create container worker:v1',
    'system: start container for worker:v1: begin',
    'container: Starting vLLM: vllm serve tiny --host 127.0.0.1 --port 8000',
    'container: vLLM is healthy',
    'container: --- Starting Serverless Worker |  Version 1.12.0 ---',
    'container: All fitness checks passed.',
    'system: stop container',
  ])
})

test('lines of one moment have times of their own, in their order', () => {
  const book = openLogBook()
  book.note(event('ready'), container)
  const times = book.linesOf('a', 'w1')?.map(({ ts }) => ts) ?? []
  expect(times[0]).toBe('1970-01-01T00:00:01.000000001Z')
  expect([...new Set(times)].sort()).toEqual(times)
})

test('followers hear what comes after, until they leave', () => {
  const book = openLogBook()
  const heard: LogLine[] = []
  book.note(event('create'), container)
  const leave = book.follow('w1', (line) => heard.push(line))
  book.note(event('start'), container)
  leave()
  book.note(event('stop'), container)
  expect(heard.map(({ line }) => line)).toEqual(['start container for worker:v1: begin'])
})

test('a worker belongs to its endpoint', () => {
  const book = openLogBook()
  book.note(event('create'), container)
  expect([book.linesOf('b', 'w1'), book.linesOf('a', 'w2')]).toEqual([null, null])
})
