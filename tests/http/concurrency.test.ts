// A key's calls at once, through the whole gateway: the place is free when the call has ended,
// however it ended.
import { expect, test } from 'vitest'
import { beginStream, chunk, done, lastChunk } from '../support/scripted-upstream.ts'
import { chat } from '../support/test-gateway.ts'
import { openDoor } from './door.ts'

const oneAtOnce = { concurrencyMax: 1, concurrencyWaitingMax: 0 }

async function given(limits = oneAtOnce) {
  const door = await openDoor({ limits }, (call) => {
    beginStream(call)
    call.response.write(chunk('Hello'))
  })
  const stream = async () => {
    const call = door.gateway.open(chat({ stream: true }))
    await call.seen('Hello')
    return { call, upstream: await door.upstream.nextCall() }
  }
  const refusal = async () => {
    const response = await door.gateway.post(chat({ stream: true }))
    return { status: response.status, text: await response.text(), headers: response.headers }
  }
  return { ...door, stream, refusal }
}

test('one more than the key may have is refused at once, and no upstream hears of it', async () => {
  const { stream, refusal, upstream } = await given()
  const first = await stream()
  const { status, text, headers } = await refusal()
  expect(status).toBe(429)
  const expected = { type: 'requests', code: 'rate_limit_exceeded' }
  expect(JSON.parse(text)).toMatchObject({ error: expected })
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  expect(upstream.calls).toHaveLength(1)
  first.call.leave('close')
})

test('a call that has ended makes room before its last word is read', async () => {
  const { stream } = await given()
  for (let n = 0; n < 3; n += 1) {
    const { call, upstream } = await stream()
    upstream.response.end(lastChunk() + done)
    await call.seen('[DONE]')
  }
})

test('so does one whose client left, and one whose upstream broke', async () => {
  // When a client has left is heard a moment after it did: the next may have to wait so long.
  const { stream, gateway } = await given({ ...oneAtOnce, concurrencyWaitingMax: 1 })
  const left = await stream()
  left.call.leave('reset')
  await gateway.logged({ outcome: 'client_gone' })
  const broken = await stream()
  broken.upstream.socket.destroy()
  await broken.call.ended
  const last = await stream()
  last.call.leave('close')
})
