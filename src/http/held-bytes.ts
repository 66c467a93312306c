// The bytes that are written to clients and still wait in this process: what slow readers cost in
// memory. They are added up only when somebody asks.
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
