// A key that opens nothing any more is refused within a second, and its calls in flight end with it:
// one error event, and no end that looks complete. The change is made by another process.
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createKey, type KeyTerms, type NewSecret, revokeKey, rotateKey } from '#src/keys/index.ts'
import { openRegistry, type Registry } from '#src/storage/index.ts'
import { sampleKey } from '../support/chat-call.ts'
import { eventsOf } from '../support/client-call.ts'
import { callRows } from '../support/ledger-rows.ts'
import { beginStream, chunk, type UpstreamCall } from '../support/scripted-upstream.ts'
import { adminKey, chat } from '../support/test-gateway.ts'
import { until } from '../support/until.ts'
import { type Door, openDoor } from './door.ts'

const { id: _id, ...terms } = sampleKey
/** Whoever asks until a key opens is refused often. */
const asksOften = { http: { failuresPerMinute: 1_000_000 } }

interface Given extends Door {
  registry: Registry
  made: NewSecret
  /** A stream that has begun and does not end by itself. */
  stream(secret?: string): Promise<Streaming>
}

interface Streaming {
  call: ReturnType<Door['gateway']['open']>
  upstream: UpstreamCall
  startedMs: number
}

/** Moments among the terms are taken when the gateway has started, which may take a while. */
async function given(changes: () => Partial<KeyTerms> = () => ({})): Promise<Given> {
  const door = await openDoor(asksOften, (call) => {
    if (JSON.parse(call.body).stream !== true) return
    beginStream(call)
    call.response.write(chunk('Hello'))
  })
  const path = join(door.gateway.folder, 'podgate.db')
  const registry = await openRegistry({ path, busyTimeoutMs: 50 })
  onTestFinished(() => registry.close())
  const made = await createKey(registry, { ...terms, ...changes() }, 'cli')
  await seen(door, made.secret)
  const stream = async (secret = made.secret) => {
    const headers = { authorization: `Bearer ${secret}` }
    const call = door.gateway.open(chat({ stream: true }), { headers })
    await call.seen('Hello')
    return { call, upstream: await door.upstream.nextCall(), startedMs: performance.now() }
  }
  return { ...door, registry, made, stream }
}

/** Asks until the gateway has seen the change, as whoever uses the key would. */
async function seen({ gateway }: Door, secret: string): Promise<void> {
  await until('the key opens', async () => {
    return (await gateway.get('/v1/models', secret)).status !== 401
  })
}

async function refusedWithin(ms: number, { gateway }: Door, secret: string): Promise<void> {
  const sinceMs = performance.now()
  await until('the key is refused', async () => {
    return (await gateway.get('/v1/models', secret)).status === 401
  })
  expect(performance.now() - sinceMs).toBeLessThan(ms)
}

async function endedByItsKey({ call, upstream }: Streaming): Promise<void> {
  expect(await call.ended).toBe('whole')
  const { events, isDone } = eventsOf(call.text())
  expect(isDone).toBe(false)
  expect(events.at(-1)).toMatchObject({ error: { code: 'invalid_api_key' } })
  expect(events.filter((event) => 'error' in event)).toHaveLength(1)
  await upstream.closed
}

test('revoked: refused within a second, and the stream in flight ends with one error', async () => {
  const all = await given()
  const streaming = await all.stream()
  const sinceMs = performance.now()
  await revokeKey(all.registry, all.made.key.id, { nowMs: Date.now(), actor: 'cli' })
  await Promise.all([endedByItsKey(streaming), refusedWithin(1000, all, all.made.secret)])
  expect(performance.now() - sinceMs).toBeLessThan(1500)
  const [row] = callRows(all.gateway.ledgerPath)
  expect(row).toMatchObject({ outcome: 'failed', fault: 'wrong_key', key_id: all.made.key.id })
})

test('a call of another key goes on', async () => {
  const all = await given()
  const other = await createKey(all.registry, terms, 'cli')
  await seen(all, other.secret)
  const [mine, theirs] = [await all.stream(), await all.stream(other.secret)]
  await revokeKey(all.registry, all.made.key.id, { nowMs: Date.now(), actor: 'cli' })
  await endedByItsKey(mine)
  theirs.upstream.response.write(chunk(' still here'))
  await theirs.call.seen('still here')
  theirs.call.leave('close')
})

test('expired in the middle of a stream: the stream ends', async () => {
  const all = await given(() => ({ expiresAtMs: Date.now() + 2500 }))
  const streaming = await all.stream()
  await endedByItsKey(streaming)
  await refusedWithin(1000, all, all.made.secret)
})

test('rotated with no overlap: what the old secret began ends, the new one goes on', async () => {
  const all = await given()
  const old = await all.stream()
  const rotation = { overlapMs: 0, nowMs: Date.now(), actor: 'cli' as const }
  const { secret } = await rotateKey(all.registry, all.made.key.id, rotation)
  await endedByItsKey(old)
  const next = await all.stream(secret)
  next.upstream.response.write(chunk(' again'))
  await next.call.seen('again')
  next.call.leave('close')
})

test('rotated with an overlap: a stream of the old secret goes on', async () => {
  const all = await given()
  const old = await all.stream()
  const rotation = { overlapMs: 60_000, nowMs: Date.now(), actor: 'cli' as const }
  const { secret } = await rotateKey(all.registry, all.made.key.id, rotation)
  await seen(all, secret)
  old.upstream.response.write(chunk(' still here'))
  await old.call.seen('still here')
  old.call.leave('close')
})

test('a call that waits without a status is refused with 401', async () => {
  const all = await given()
  const headers = { authorization: `Bearer ${all.made.secret}` }
  const call = all.gateway.open(chat(), { headers })
  await all.upstream.nextCall()
  const path = `/admin/keys/${all.made.key.id}/revoke`
  await all.ask('POST', path, { headers: { authorization: `Bearer ${adminKey}` } })
  expect((await call.head).statusCode).toBe(401)
})
