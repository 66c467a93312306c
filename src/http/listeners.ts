// Opens the sockets on which clients connect. Node takes one new connection from a listening socket
// in each turn of its event loop, and a turn with many busy streams takes milliseconds, so clients
// that come together would wait for each other. Instead, several sockets listen on the one port,
// and the kernel spreads the clients over them.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'

export interface Listeners {
  url: string
  port: number
  /** Closes all sockets but the first, which fastify closes. */
  close(): void
}

/** On other systems sockets cannot share a port, or the latest one gets every connection. */
const socketCount = process.platform === 'linux' ? 8 : 1

/**
 * Connections that the kernel holds until this process takes them; it lowers the number to its own
 * limit (net.core.somaxconn). It drops one more, and the client tries again after a second: with
 * node's 511, this happened to 488 of 1 000 clients that connected during a pause of 0.6 s.
 */
const backlogMax = 4096

const turnEveryMs = 20
/** Opening takes milliseconds: whoever keeps its turn for longer than this is not waited for. */
const turnsMax = 150

export async function openListeners(
  app: FastifyInstance,
  asked: { host: string; port: number },
): Promise<Listeners> {
  const { host } = asked
  const turn = await turnToOpen(asked)
  const more: Server[] = []
  const close = () => {
    for (const server of more) server.close()
  }
  try {
    const port = await ownPort(asked)
    const shared = { host, port, backlog: backlogMax, reusePort: socketCount > 1 }
    const url = await app.listen(shared)
    while (more.length < socketCount - 1) more.push(await openMore(app, shared))
    return { url, port, close }
  } catch (cause) {
    close()
    throw cause
  } finally {
    turn?.close()
  }
}

/**
 * Two gateways that start in the same moment would both find the port free, and share it. So each
 * opens it in its turn, which is a socket of this name. A name that begins with a zero byte is no
 * file on Linux, and is free again when its process ends.
 */
async function turnToOpen({ host, port }: { host: string; port: number }): Promise<Server | null> {
  if (socketCount === 1 || port === 0) return null
  for (let turns = 1; turns <= turnsMax; turns += 1) {
    const server = createServer().listen(`\0podgate-opens-${host}-${port}`)
    try {
      await once(server, 'listening')
      return server
    } catch (cause) {
      if (!(cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE')) throw cause
      await delay(turnEveryMs)
    }
  }
  return null
}

/** Fails when another gateway has the port; sockets that share it would not notice. */
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
