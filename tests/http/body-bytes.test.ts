// The bytes of all bodies together, as a count that only shares move.
import { expect, test } from 'vitest'
import { createBodyBytes } from '#src/http/body-bytes.ts'

const body = { keyId: 'key_1', bytesMax: 1000, declaredBytes: null }
const ofOther = { ...body, keyId: 'key_2' }
const overloaded = expect.objectContaining({ kind: 'overloaded', retryAfterMs: 1_000 })

test('shares are taken up to the most, and refused beyond', () => {
  const bytes = createBodyBytes(100)
  const [one, other] = [bytes.open(body), bytes.open(ofOther)]
  one.take(60)
  other.take(40)
  expect(() => other.take(1)).toThrow(overloaded)
  expect(bytes.held()).toBe(100)
})

test('what was refused is not held', () => {
  const bytes = createBodyBytes(100)
  bytes.open(body).take(60)
  const refused = bytes.open(ofOther)
  expect(() => refused.take(50)).toThrow(overloaded)
  expect(bytes.held()).toBe(60)
  refused.take(40)
})

test('a share gives back all that it took, once', () => {
  const bytes = createBodyBytes(100)
  const share = bytes.open(body)
  share.take(30)
  share.take(40)
  share.release()
  share.release()
  expect(bytes.held()).toBe(0)
})

test('a share that was given back takes nothing more', () => {
  const bytes = createBodyBytes(100)
  const share = bytes.open(body)
  share.release()
  share.take(50)
  expect(bytes.held()).toBe(0)
})

test('a body that is alone may be larger than all together, and others wait for it', () => {
  const bytes = createBodyBytes(100)
  const large = bytes.open(body)
  large.take(90)
  large.take(90)
  expect(() => bytes.open(body).take(1)).toThrow(overloaded)
  large.release()
  bytes.open(body).take(100)
})

test('one key holds half at most, and others the rest', () => {
  const bytes = createBodyBytes(100)
  const [one, other] = [bytes.open(body), bytes.open(body)]
  one.take(30)
  other.take(20)
  expect(() => other.take(1)).toThrow(overloaded)
  expect(() => one.take(1)).toThrow(overloaded)
  bytes.open(ofOther).take(50)
  one.release()
  other.take(30)
  expect(bytes.held()).toBe(100)
})

test('a body that is alone of its key may be larger than a key’s half', () => {
  const bytes = createBodyBytes(100)
  bytes.open(ofOther).take(10)
  const large = bytes.open(body)
  large.take(90)
  expect(() => large.take(1)).toThrow(overloaded)
  expect(() => bytes.open(body).take(1)).toThrow(overloaded)
})

test('what was only told is not held, and is refused at once where it cannot fit', () => {
  const bytes = createBodyBytes(100)
  const told = { ...body, declaredBytes: 90 }
  for (let at = 0; at < 10; at += 1) bytes.open(told)
  expect(bytes.held()).toBe(0)
  bytes.open(ofOther).take(20)
  expect(() => bytes.open(told)).toThrow(overloaded)
  bytes.open({ ...told, declaredBytes: 80 }).take(10)
  expect(() => bytes.open({ ...told, declaredBytes: 41 })).toThrow(overloaded)
})
