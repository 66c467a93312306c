// `podgate simulate --trace`, run as a process, replays recorded calls and prints their bill.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'

const main = new URL('../../scripts/podgate.js', import.meta.url).pathname
const trace = new URL('../golden/traces/azure2023-conv-first-1000.csv', import.meta.url).pathname

interface Ended {
  code: number
  out: string
  errors: string
}

function replay(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'simulate', ...args], (error, out, errors) => {
      resolve({ code: Number(error?.code ?? 0), out, errors })
    })
  })
}

test('a trace is replayed over ten days, and the bill is told in four lines', async () => {
  const { code, out, errors } = await replay('--trace', trace)
  expect([code, errors]).toEqual([0, ''])
  expect(out).toMatch(/^1,000 calls over 10\.0 days at sim-mixtral: 1,000 completed, 0 failed,/)
  expect(out).toMatch(/\nbill: \$\d+\.\d\d for [\d,]+ starts at \$0\.00464 a worker-second,/)
  expect(out.trimEnd().split('\n')).toHaveLength(4)
})

test('other flags count, days too, and --json gives the same as one value', async () => {
  const { out } = await replay('--trace', trace, '--days', '2', '--cold', '120', '--json')
  expect(JSON.parse(out)).toMatchObject({ calls: 1000, days: 2, waitMs: { most: 120_000 } })
})

test.each([
  ['is not there', 'nothing.csv', /^Cannot read .*nothing\.csv/],
  ['is no trace', 'other.csv', /other\.csv: not a trace/],
])('a file that %s is refused', async (_, name, said) => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'other.csv'), 'a,b\n1,2\n')
  const { code, errors } = await replay('--trace', join(folder, name))
  expect(code).toBe(1)
  expect(errors).toMatch(said)
})
