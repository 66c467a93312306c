// Takes at most so many connections at once, and closes any further one without an answer.
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { noteWithoutRequest } from './connections.ts'
import { tooManyConnections } from './faults.ts'
import type { HttpPorts } from './ports.ts'

export function limitConnections(server: Server, ports: HttpPorts): void {
  let open = 0
  let isFull = false
  server.on('connection', (socket: Socket) => {
    if (open >= ports.options.connectionsMax) {
      socket.destroy()
      // Noted once each time it fills up: a client that connects in a loop must not fill the log.
      if (!isFull) noteWithoutRequest(tooManyConnections(), ports)
      isFull = true
      return
    }
    isFull = false
    open += 1
    socket.once('close', () => {
      open -= 1
    })
    // Each request on the connection listens to it, and there may be many at once.
    socket.setMaxListeners(0)
  })
}
