// A log that cannot be written: nothing throws, nothing waits, and what is lost is counted.
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openLogDestination } from '#src/observability/log-destination.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

function opened(path: string, flags: string | number): number {
  const fd = openSync(path, flags)
  onTestFinished(() => closeSync(fd))
  return fd
}

/** A pipe whose reader the test is, and which says at once that it is full. */
function stallingPipe() {
  const path = join(temporaryFolder(), 'pipe')
  execFileSync('mkfifo', [path])
  const fd = opened(path, constants.O_RDWR | constants.O_NONBLOCK)
  return {
    fd,
    /** What has come so far. */
    read(): string {
      const pieces: Buffer[] = []
      try {
        for (;;) {
          const bytes = Buffer.alloc(65_536)
          pieces.push(bytes.subarray(0, readSync(fd, bytes)))
        }
      } catch {
        return Buffer.concat(pieces).toString()
      }
    },
  }
}

const lines = (count: number, from = 0) =>
  Array.from({ length: count }, (_, at) => `line ${from + at} für alle\n`)

test('lines are gathered, and out in their order', () => {
  const path = join(temporaryFolder(), 'log')
  const destination = openLogDestination({ fd: opened(path, 'a'), bufferBytes: 100 })
  const given = lines(50)
  for (const line of given) destination.write(line)
  expect(given.join('').startsWith(readFileSync(path, 'utf8'))).toBe(true)
  destination.flush()
  expect(readFileSync(path, 'utf8')).toBe(given.join(''))
})

test('without a buffer each line is out at once', () => {
  const path = join(temporaryFolder(), 'log')
  const destination = openLogDestination({ fd: opened(path, 'a'), bufferBytes: 0 })
  destination.write('one\n')
  expect(readFileSync(path, 'utf8')).toBe('one\n')
})

test('a full disk throws nothing, and holds so much and no more', () => {
  const fd = opened('/dev/full', 'a')
  const destination = openLogDestination({ fd, bufferBytes: 0, waitingBytesMax: 1000 })
  for (const line of lines(100)) destination.write(line)
  destination.flush()
  expect(destination.lostLines()).toBeGreaterThan(40)
  expect(destination.lostLines()).toBeLessThan(70)
})

test('a reader that stalls keeps nobody waiting, and gets what fits when it reads again', () => {
  const pipe = stallingPipe()
  const waitingBytesMax = 50_000
  const destination = openLogDestination({ fd: pipe.fd, bufferBytes: 0, waitingBytesMax })
  const given = lines(10_000)
  for (const line of given) destination.write(line)
  const lost = destination.lostLines()
  expect(lost).toBeGreaterThan(1_000)
  let text = pipe.read()
  destination.flush()
  text += pipe.read()
  // Not a byte of those that were kept is missing, and none came twice.
  expect(text).toBe(given.slice(0, 10_000 - lost).join(''))
  destination.write('and on\n')
  expect(pipe.read()).toBe('and on\n')
})

test('a descriptor that is gone throws nothing either', () => {
  const fd = openSync(join(temporaryFolder(), 'log'), 'a')
  closeSync(fd)
  const destination = openLogDestination({ fd, bufferBytes: 0 })
  expect(() => destination.write('one\n')).not.toThrow()
  expect(destination.lostLines()).toBe(0)
})
