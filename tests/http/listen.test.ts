// Where the gateway listens: at one address, or what watches its connections would miss some.
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { openDoor } from './door.ts'

async function isOpen(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host)
  const opened = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return opened
}

test('a name with several addresses is one of them', async () => {
  const { gateway, ask } = await openDoor({ http: { host: 'localhost' } })
  expect((await ask('GET', '/health')).status).toBe(200)
  const { hostname, port } = new URL(gateway.url)
  const all = await lookup('localhost', { all: true, order: 'ipv4first' })
  const open: string[] = []
  for (const address of new Set(all.map((one) => one.address))) {
    if (await isOpen(address, Number(port))) open.push(address)
  }
  expect(open).toEqual([all[0]?.address])
  expect(hostname.replace(/^\[|\]$/g, '')).toBe(all[0]?.address)
})

test('six hundred clients that connect in one moment need not try again', async () => {
  const { gateway } = await openDoor()
  const { hostname, port } = new URL(gateway.url)
  const startMs = performance.now()
  const sockets = Array.from({ length: 600 }, () => connect(Number(port), hostname))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  // A connection that the kernel has no place for is tried again after a second.
  expect(performance.now() - startMs).toBeLessThan(900)
  for (const socket of sockets) socket.on('error', () => {}).destroy()
})

test('a second gateway does not share the port of the first', async () => {
  const { gateway } = await openDoor()
  const port = Number(new URL(gateway.url).port)
  await expect(openDoor({ http: { port } })).rejects.toMatchObject({ code: 'EADDRINUSE' })
})

test.runIf(process.platform === 'linux')('two that open a port at once do it in turn', async () => {
  const { gateway } = await openDoor()
  const port = Number(new URL(gateway.url).port)
  await gateway[Symbol.asyncDispose]()
  // Whoever opens the port now; the name is given up when it is done.
  const other = createServer().listen(`\0podgate-opens-127.0.0.1-${port}`)
  await once(other, 'listening')
  const opening = openDoor({ http: { port } })
  expect(await isOpen('127.0.0.1', port)).toBe(false)
  const taken = createServer().listen(port, '127.0.0.1')
  await once(taken, 'listening')
  other.close()
  await expect(opening).rejects.toMatchObject({ code: 'EADDRINUSE' })
  taken.close()
})

test('a gateway that has closed leaves its port to another at once', async () => {
  const { gateway } = await openDoor()
  const port = Number(new URL(gateway.url).port)
  await gateway[Symbol.asyncDispose]()
  const { gateway: next } = await openDoor({ http: { port } })
  expect((await fetch(`${next.url}/health`)).status).toBe(200)
})
