// Where the gateway listens: in one place, or what watches its connections would miss some.
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { connect } from 'node:net'
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
