// A process that writes to a ledger is killed with SIGKILL. Every row that the process
// acknowledged must be in the file, and no row twice.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { ledgerPathOf, type StorageOptions } from '#src/storage/index.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

/** Every id that the process acknowledged, also those it printed while it was being killed. */
async function killAfter(acknowledgements: number, options: StorageOptions): Promise<string[]> {
  const script = fileURLToPath(new URL('../support/append-until-killed.ts', import.meta.url))
  const child = spawn(process.execPath, [script, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const acknowledged: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line)
    if (acknowledged.length === acknowledgements) child.kill('SIGKILL')
  }
  if (child.signalCode === null) await once(child, 'exit')
  expect(child.signalCode).toBe('SIGKILL')
  return acknowledged
}

test('kill -9 loses no acknowledged row, doubles none, and leaves a sound file', async () => {
  const options = temporaryStorage()
  const acknowledged: string[] = []
  for (const count of [1, 40, 500]) acknowledged.push(...(await killAfter(count, options)))
  const file = new Database(ledgerPathOf(options))
  const rows = file.prepare<[], string>('select request_id from calls').pluck().all()
  expect(file.pragma('integrity_check', { simple: true })).toBe('ok')
  file.close()
  expect(acknowledged.length).toBeGreaterThanOrEqual(541)
  expect(acknowledged.filter((id) => !rows.includes(id))).toEqual([])
  expect(new Set(rows).size).toBe(rows.length)
})
