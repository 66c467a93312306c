// The keys of development: kept between starts, and readable by nobody else.
import { chmodSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { keptKey } from '#src/app/dev-keys.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const kept = 'dev-kept-0123456789'

test.each([
  ['no file', null, 0o644, /^dev-[\da-f]{36}$/],
  ['a file of nothing, open to all', '', 0o644, /^dev-[\da-f]{36}$/],
  ['a file with less than a key, open to all', 'short\n', 0o666, /^dev-[\da-f]{36}$/],
  ['a file with a key', `${kept}\n`, 0o600, new RegExp(`^${kept}$`)],
])('with %s', (_what, text, mode, expected) => {
  const path = join(temporaryFolder(), 'data', 'dev-key')
  if (text !== null) {
    keptKey(path, 'dev')
    writeFileSync(path, text)
    chmodSync(path, mode)
  }
  const key = keptKey(path, 'dev')
  expect(key).toMatch(expected)
  expect(keptKey(path, 'dev')).toBe(key)
  expect(statSync(path).mode & 0o777).toBe(0o600)
})
