// The bytes of all bodies together, as a count that only shares move.
import { expect, test } from 'vitest'
import { createBodyBytes } from '#src/http/body-bytes.ts'

const overloaded = expect.objectContaining({ kind: 'overloaded', retryAfterMs: 1_000 })

test('shares are taken up to the most, and refused beyond', () => {
  const bytes = createBodyBytes(100)
  const [one, other] = [bytes.open(1000, null), bytes.open(1000, null)]
  one.take(60)
  other.take(40)
  expect(() => other.take(1)).toThrow(overloaded)
  expect(bytes.held()).toBe(100)
})

test('what was refused is not held', () => {
  const bytes = createBodyBytes(100)
  bytes.open(1000, null).take(60)
  const refused = bytes.open(1000, null)
  expect(() => refused.take(50)).toThrow(overloaded)
  expect(bytes.held()).toBe(60)
  refused.take(40)
})

test('a share gives back all that it took, once', () => {
  const bytes = createBodyBytes(100)
  const share = bytes.open(1000, null)
  share.take(30)
  share.take(40)
  share.release()
  share.release()
  expect(bytes.held()).toBe(0)
})

test('a share that was given back takes nothing more', () => {
  const bytes = createBodyBytes(100)
  const share = bytes.open(1000, null)
  share.release()
  share.take(50)
  expect(bytes.held()).toBe(0)
})

test('a body that is alone may be larger than all together, and others wait for it', () => {
  const bytes = createBodyBytes(100)
  const large = bytes.open(1000, null)
  large.take(90)
  large.take(90)
  expect(() => bytes.open(1000, null).take(1)).toThrow(overloaded)
  large.release()
  bytes.open(1000, null).take(100)
})
