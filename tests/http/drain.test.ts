// A gateway that is told to stop cuts nobody off who is in the middle of a word.
import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { goodAnswer, startUpstream } from '../support/scripted-upstream.ts'
import { adminKey, chat, startTestGateway, testKey } from '../support/test-gateway.ts'

interface Sending {
  path: string
  key: string
  body: unknown
}

/** Half a request, and what comes back on its connection until it closes. */
async function sendHalf(url: string, { path, key, body }: Sending) {
  const { port, hostname } = new URL(url)
  const socket = connect(Number(port), hostname)
  const text = JSON.stringify(body)
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: here',
    `authorization: Bearer ${key}`,
    'content-type: application/json',
    `content-length: ${text.length}`,
  ]
  let answer = ''
  const closed = new Promise<string>((resolve) => {
    socket.setEncoding('utf8').on('data', (piece: string) => {
      answer += piece
    })
    socket.on('close', () => resolve(answer))
  })
  const half = `${head.join('\r\n')}\r\n\r\n${text.slice(0, 20)}`
  await new Promise<void>((resolve) => socket.write(half, () => resolve()))
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
  while ((await fetch(`${gateway.url}/readyz`)).status !== 503);
  half.sendRest()
  await closing
  const answer = await half.closed
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  expect(answer).toContain(words)
})
