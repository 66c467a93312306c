// A gateway that is told to stop cuts nobody off who is in the middle of a word.
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { goodAnswer, startUpstream } from '../support/scripted-upstream.ts'
import { adminKey, chat, startTestGateway, testKey } from '../support/test-gateway.ts'
import { until } from '../support/until.ts'

interface Sending {
  path: string
  key: string
  body: unknown
}

/** A text on a connection of its own, and what comes back until that closes. */
async function sendText(url: string, text: string) {
  const { port, hostname } = new URL(url)
  const socket = connect(Number(port), hostname)
  let answer = ''
  const closed = new Promise<string>((resolve) => {
    socket.setEncoding('utf8').on('data', (piece: string) => {
      answer += piece
    })
    socket.on('close', () => resolve(answer))
  })
  await new Promise<void>((resolve) => socket.write(text, () => resolve()))
  return { socket, closed }
}

/** Half a request. */
async function sendHalf(url: string, { path, key, body }: Sending) {
  const text = JSON.stringify(body)
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: here',
    `authorization: Bearer ${key}`,
    'content-type: application/json',
    `content-length: ${text.length}`,
  ]
  const half = `${head.join('\r\n')}\r\n\r\n${text.slice(0, 20)}`
  const { socket, closed } = await sendText(url, half)
  return { closed, sendRest: () => void socket.write(text.slice(20)) }
}

/* biome-ignore format: a table reads as a table */
test.each([
  ['a call is told to go elsewhere',  { path: '/v1/chat/completions', key: testKey, body: chat() },           503, '"code":"draining"'],
  ['a change of keys is made',        { path: '/admin/keys', key: adminKey, body: { name: 'made while stopping' } }, 201, '"secret":"'],
])('whose body is still arriving: %s', async (_what, sending, status, words) => {
  await using upstream = await startUpstream(goodAnswer)
  await using gateway = await startTestGateway({
    baseUrl: upstream.url,
    config: { http: { drainMs: 20_000 } },
  })
  const half = await sendHalf(gateway.url, sending)
  // Another request on another connection is answered after this one's head has been read.
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200)
  const closing = gateway.gateway.close()
  await until('it says that it stops', async () => {
    return (await fetch(`${gateway.url}/readyz`)).status === 503
  })
  half.sendRest()
  await closing
  const answer = await half.closed
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  expect(answer).toContain(words)
})

/** Its request would be waited for until it had been too slow: longer than these tests may take. */
const patient = { headersMs: 300_000, requestMs: 300_000 }

test.each([
  ['in its head', 'POST /v1/chat/completions HTTP/1.1\r\nhost: he'],
  ['in its body', null],
])(
  'a client that stops %s is not waited for beyond the last words of others',
  async (_where, head) => {
    await using upstream = await startUpstream(goodAnswer)
    const gateway = await startTestGateway({ baseUrl: upstream.url, config: { http: patient } })
    const sending = { path: '/v1/chat/completions', key: testKey, body: chat() }
    const { closed } = await (head === null
      ? sendHalf(gateway.url, sending)
      : sendText(gateway.url, head))
    // Another request on another connection is answered after what came of this one was read.
    expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200)
    await gateway.gateway.close()
    await closed
  },
  10_000,
)
