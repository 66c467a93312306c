// The simulator's HTTP server: it reads a call, finds its door by the path or the host name, and
// closes cleanly. Each door is a file of its own; `serve` below lists them.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '#domain'
import { openAccount } from './account.ts'
import { openManualClock } from './clock/manual-clock.ts'
import { serveControl } from './control/control.ts'
import { openStateLook, type SimulatorState } from './control/state.ts'
import { type DoorCall, hasKey } from './edge/door.ts'
import { serveEngine } from './edge/engine-door.ts'
import { hostedEndpoint, serveAlias, serveBalanced } from './edge/load-balancer.ts'
import { bodyMaxBytes, isTooDeep } from './edge/payload-limits.ts'
import { servePlatform } from './edge/platform-door.ts'
import { sendWhole } from './http-sink.ts'
import { openManagement } from './management/management.ts'
import type { SimulatorOptions } from './options.ts'
import { serveProvider } from './provider/provider-door.ts'

export interface Simulator {
  url: string
  /** What is going on inside; `GET /__control/state` gives the same as JSON. */
  state(): SimulatorState
  close(): Promise<void>
}

const keepAliveMs = 60_000

export async function startSimulator(options: SimulatorOptions, clock: Clock): Promise<Simulator> {
  const account = openAccount(options, clockOf(options, clock))
  const management = openManagement(account)
  const rays = account.chanceOf('rays')
  let sockets = 0
  const look = openStateLook(account, () => sockets)

  function serve(call: DoorCall): void {
    const hosted = hostedEndpoint(call)
    if (hosted !== null) return serveBalanced(call, hosted, account, rays)
    const [, door = '', path = ''] = /^\/([^/]+)(.*)$/.exec(call.path) ?? []
    const inner = { ...call, path }
    // REST v2 (`/v2/serverless` and others) and the endpoints (`/v2/<endpoint>`) share an address.
    if (door === 'v2' && management.serve(inner, hasKey(call, options.key))) return
    if (door === 'v2') return servePlatform(inner, account, rays)
    if (door === 'lb') return serveAlias(inner, account, rays)
    if (door === 'engine') return serveEngine(inner, account)
    if (door === 'provider') return serveProvider(inner, account)
    if (door === '__control' && serveControl(inner, account, look)) return
    sendWhole(call.response, 404, {}, '{"error":"not found"}')
  }

  const server = createServer({ keepAliveTimeout: keepAliveMs, requestTimeout: 0 })
  server.on('request', (request, response) => readCall(request, response, serve))
  server.on('connection', (socket) => {
    sockets += 1
    socket.setNoDelay(true)
    socket.once('close', () => {
      sockets -= 1
    })
  })
  const port = await listen(server, options)
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    state: look,
    close() {
      management.close()
      account.close()
      return new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

function clockOf(options: SimulatorOptions, clock: Clock): Clock {
  return options.clock === 'manual' ? openManualClock(Date.parse(options.clockStart)) : clock
}

function listen(server: ReturnType<typeof createServer>, options: SimulatorOptions) {
  return new Promise<number>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port) // a TCP server has an address of this form
    })
  })
}

function readCall(
  request: IncomingMessage,
  response: ServerResponse,
  serve: (call: DoorCall) => void,
): void {
  const chunks: Buffer[] = []
  let length = 0
  request.on('data', (chunk: Buffer) => {
    length += chunk.length
    if (length <= bodyMaxBytes) chunks.push(chunk)
  })
  request.on('end', () => {
    if (length > bodyMaxBytes) return sendWhole(response, 413, {}, '{"error":"body too large"}')
    const body = Buffer.concat(chunks)
    if (isTooDeep(body)) return sendWhole(response, 400, {}, '{"error":"body too deep"}')
    const url = URL.parse(request.url ?? '/', 'http://simulator')
    if (url === null) return sendWhole(response, 400, {}, '{"error":"bad request"}')
    serve({
      method: request.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body,
      response,
    })
  })
  request.on('error', () => response.destroy())
}
