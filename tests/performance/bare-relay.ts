// The yardstick: the least that a relay in Node can do. `node:http` in front, undici's
// `Pool.dispatch` behind, back-pressure and leaving clients between them, and nothing else.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type Dispatcher, Pool } from 'undici'
import { answerAsks } from './rig/child.ts'

export type BareAsks = { listen: { given: { upstreamPort: number }; back: number } }

answerAsks<BareAsks>({
  listen({ upstreamPort }) {
    const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { pipelining: 1 })
    const server = createServer((request, response) => {
      const pieces: Buffer[] = []
      request.on('data', (piece: Buffer) => pieces.push(piece))
      request.on('end', () => relay(pool, request, response, pieces))
    })
    return new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        resolve(typeof address === 'object' ? (address?.port ?? 0) : 0)
      })
    })
  },
})

function relay(
  pool: Pool,
  request: IncomingMessage,
  response: ServerResponse,
  pieces: Buffer[],
): void {
  const body = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)
  const headers = { 'content-type': 'application/json' }
  pool.dispatch({ path: request.url ?? '/', method: 'POST', headers, body }, handlerOf(response))
}

function handlerOf(response: ServerResponse): Dispatcher.DispatchHandler {
  let upstream: Dispatcher.DispatchController | null = null
  response.on('drain', () => upstream?.resume())
  response.on('close', () => {
    if (!response.writableFinished) upstream?.abort(new Error('the client left'))
  })
  return {
    onRequestStart(controller) {
      upstream = controller
    },
    onResponseStart(_controller, status, headers) {
      const { 'content-type': type, 'content-length': length } = headers
      response.writeHead(status, {
        'content-type': String(type),
        ...(length === undefined ? {} : { 'content-length': Number(length) }),
      })
    },
    onResponseData(controller, bytes) {
      if (!response.write(bytes)) controller.pause()
    },
    onResponseEnd() {
      response.end()
    },
    onResponseError() {
      response.destroy()
    },
  }
}
