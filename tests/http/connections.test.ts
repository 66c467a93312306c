// What is no HTTP is answered once on its connection, however much of it comes.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createConnections } from '#src/http/connections.ts'
import type { Refusal } from '#src/http/ports.ts'
import { openRaw } from '../hostile/raw-client.ts'
import { createFakeClock } from '../support/fake-clock.ts'

test('nonsense in several packets is one answer and one refusal, and cuts off neither', async () => {
  const clock = createFakeClock()
  const refusals: Refusal[] = []
  const refused = (refusal: Refusal) => void refusals.push(refusal)
  const server = createServer((_request, response) => response.end('good'))
  server.on('clientError', createConnections({ clock, refused }).broke)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo // it listens on a port, not on a pipe
  const url = `http://127.0.0.1:${port}`
  const accepted = once(server, 'connection') as Promise<[Socket]>
  using client = await openRaw(url)
  const [socket] = await accepted
  client.socket.removeAllListeners('end')
  client.send('nonsense\r\n\r\n')
  expect(await client.answer()).toMatchObject({ status: 400 })
  for (let packets = 0; packets < 3; packets += 1) {
    client.send('more of it\r\n\r\n')
    // Another's request is answered after what was sent before it has been read.
    expect(await (await fetch(url)).text()).toBe('good')
  }
  expect(client.text().split('HTTP/1.1 400')).toHaveLength(2)
  expect(refusals).toHaveLength(1)
  // Closed while bytes still come, it would take its answer back.
  expect(socket.destroyed).toBe(false)
  await clock.advance(1_000)
  expect(socket.destroyed).toBe(true)
})
