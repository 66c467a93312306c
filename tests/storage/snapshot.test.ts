// A snapshot of the registry is held in memory. It must show what another connection changed after
// one poll, and keep its last value when a poll fails.
import { expect, onTestFinished, test } from 'vitest'
import { openRegistry, openSnapshot, type Registry } from '#src/storage/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'
import { temporaryStorage } from '../support/sample-storage.ts'

async function twoConnections(): Promise<[Registry, Registry]> {
  const options = temporaryStorage()
  const pair: [Registry, Registry] = [await openRegistry(options), await openRegistry(options)]
  onTestFinished(() => Promise.all(pair.map((registry) => registry.close())).then(() => {}))
  return pair
}

async function insert(registry: Registry, id: string): Promise<void> {
  const nothing = {
    team_id: null,
    models_json: null,
    requests_per_minute: null,
    expires_at_ms: null,
    revoked_at_ms: null,
  }
  const row = { id, secret_hash: id, name: id, created_at_ms: 1, ...nothing }
  await registry.db.insertInto('api_keys').values(row).execute()
}

async function ids(registry: Registry): Promise<string[]> {
  const rows = await registry.db.selectFrom('api_keys').select('id').orderBy('id').execute()
  return rows.map((row) => row.id)
}

test('shows what another process changed after one poll, and tells its listeners once', async () => {
  const [ours, theirs] = await twoConnections()
  const clock = createFakeClock()
  using snapshot = await openSnapshot(ours, { clock, pollMs: 500 }, ids)
  const seen: string[][] = []
  snapshot.onChange(() => seen.push(snapshot.value()))
  await insert(theirs, 'a')
  await clock.advance(499)
  expect(snapshot.value()).toEqual([])
  await clock.advance(1)
  expect(snapshot.value()).toEqual(['a'])
  await clock.advance(5000)
  expect(seen).toEqual([['a']])
})

test('reads nothing while nothing changes', async () => {
  const [ours] = await twoConnections()
  const clock = createFakeClock()
  let reads = 0
  const read = async () => {
    reads += 1
  }
  using _snapshot = await openSnapshot(ours, { clock, pollMs: 500 }, read)
  await clock.advance(60_000)
  expect(reads).toBe(1)
})

test('a change made while it reads is seen by the next poll', async () => {
  const [ours, theirs] = await twoConnections()
  const clock = createFakeClock()
  let whileReading = async () => {}
  const read = async (registry: Registry) => {
    const seen = await ids(registry)
    await whileReading()
    return seen
  }
  using snapshot = await openSnapshot(ours, { clock, pollMs: 500 }, read)
  whileReading = async () => {
    whileReading = async () => {}
    await insert(theirs, 'b')
  }
  await insert(theirs, 'a')
  await clock.advance(500)
  expect(snapshot.value()).toEqual(['a'])
  await clock.advance(500)
  expect(snapshot.value()).toEqual(['a', 'b'])
})

test('keeps its last good value when a poll fails, says so, and recovers', async () => {
  const [ours, theirs] = await twoConnections()
  const clock = createFakeClock()
  const troubles: unknown[] = []
  let isBroken = false
  const read = async (registry: Registry) => {
    if (isBroken) throw new Error('disk on fire')
    return ids(registry)
  }
  const onTrouble = (cause: unknown) => troubles.push(cause)
  using snapshot = await openSnapshot(ours, { clock, pollMs: 500, onTrouble }, read)
  await insert(theirs, 'a')
  isBroken = true
  await clock.advance(1000)
  expect(snapshot.value()).toEqual([])
  expect(troubles).toHaveLength(2)
  isBroken = false
  await clock.advance(500)
  expect(snapshot.value()).toEqual(['a'])
})

test('leaves no timer behind, and a listener that was disposed hears nothing', async () => {
  const [ours] = await twoConnections()
  const clock = createFakeClock()
  const snapshot = await openSnapshot(ours, { clock, pollMs: 500 }, ids)
  let heard = 0
  const listening = snapshot.onChange(() => {
    heard += 1
  })
  await snapshot.refresh()
  listening[Symbol.dispose]()
  await snapshot.refresh()
  expect(heard).toBe(1)
  snapshot[Symbol.dispose]()
  expect(clock.pending()).toBe(0)
})
