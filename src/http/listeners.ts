// Where clients connect. Node takes one new connection from a listening socket in each turn of its
// event loop, and a turn in which many streams have something to say takes milliseconds: clients
// that come together would wait for each other. So several sockets listen on the one port, and the
// kernel spreads the clients over them.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import type { FastifyInstance } from 'fastify'

export interface Listeners {
  url: string
  port: number
  /** All but the server's own, which closes by itself. */
  close(): void
}

/** Elsewhere a port is not shared, or the latest socket gets everything. */
const socketCount = process.platform === 'linux' ? 8 : 1

/**
 * Connections that the kernel holds until this process has a moment for them; it lowers the number
 * to its own limit (net.core.somaxconn). One more is dropped, and its client asks again after a
 * second: with node's 511, a pause of 0.6 s under 1 000 new connections did that to 488 of them.
 */
const backlogMax = 4096

export async function openListeners(
  app: FastifyInstance,
  asked: { host: string; port: number },
): Promise<Listeners> {
  const { host } = asked
  const port = await ownPort(asked)
  const shared = { host, port, backlog: backlogMax, reusePort: socketCount > 1 }
  const url = await app.listen(shared)
  const more: Server[] = []
  const close = () => {
    for (const server of more) server.close()
  }
  try {
    while (more.length < socketCount - 1) more.push(await openMore(app, shared))
  } catch (cause) {
    close()
    throw cause
  }
  return { url, port, close }
}

/** Sockets that share a port would not notice those of another gateway; this one does. */
async function ownPort(asked: { host: string; port: number }): Promise<number> {
  const server = createServer().listen(asked)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on a port, not on a pipe
  server.close()
  await once(server, 'close')
  return port
}

/** With the options that node's HTTP server gives to its own socket. */
async function openMore(app: FastifyInstance, shared: object): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    app.server.emit('connection', socket)
  })
  server.listen(shared)
  await once(server, 'listening')
  return server
}
