// What is written to clients and not yet taken by their sockets: memory that slow readers cost this
// process. Added up only when somebody asks.
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

export function watchHeldBytes(server: Server): () => number {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return () => {
    let bytes = 0
    for (const { writableLength } of sockets) bytes += writableLength
    return bytes
  }
}
