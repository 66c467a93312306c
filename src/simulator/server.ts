// The simulator's HTTP server: it reads a call, finds its door by the path, and closes cleanly.
//
//   /v2/<endpoint>/openai/…   the OpenAI route of a queue-based endpoint   openai-route.ts
//   /v2/<endpoint>/…          RunPod's job API                            job-api.ts
//   /engine/<endpoint>/…      a stock vLLM server                         engine-door.ts
//   /__control/…              faults, cold starts, state                  control.ts
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '#domain'
import { serveControl } from './control.ts'
import type { DoorCall } from './door.ts'
import { type Endpoint, openEndpoint } from './endpoint.ts'
import { serveEngine } from './engine-door.ts'
import { openFaultRules } from './fault-rules.ts'
import { type FaultPlan, faultPlan, markedFaults } from './faults.ts'
import { sendWhole } from './http-sink.ts'
import { type JobApi, openJobApi } from './job-api.ts'
import { serveOpenaiRoute } from './openai-route.ts'
import type { SimulatorOptions } from './options.ts'

export interface Simulator {
  url: string
  close(): Promise<void>
}

/** RunPod's limit for `/runsync`; longer bodies are refused. */
const bodyMaxBytes = 20 * 1024 * 1024
const keepAliveMs = 60_000

export async function startSimulator(options: SimulatorOptions, clock: Clock): Promise<Simulator> {
  const endpoints = new Map<string, Endpoint>()
  const jobApis = new Map<string, JobApi>()
  for (const [id, model] of Object.entries(options.endpoints)) {
    const endpoint = openEndpoint(id, model, options, clock)
    endpoints.set(id, endpoint)
    jobApis.set(id, openJobApi(endpoint, options.jobsMax, clock))
  }
  const rules = openFaultRules(options.seed)
  let sockets = 0

  const faultsOf = (endpoint: Endpoint, body: Buffer): FaultPlan =>
    faultPlan([...rules.meet(endpoint.id), ...markedFaults(body)])

  function serve(call: DoorCall): void {
    const [, door = '', id = '', rest = ''] = /^\/([^/]+)(?:\/([^/]+))?(.*)$/.exec(call.path) ?? []
    const { response } = call
    if (door === '__control') {
      const inner = { ...call, path: `/${id}${rest}` }
      if (!serveControl(inner, { endpoints, rules, sockets: () => sockets })) notFound(response)
      return
    }
    if (door === 'v2' && !hasKey(call, options.key)) return unauthorized(response)
    const endpoint = endpoints.get(id)
    if (endpoint === undefined) return notFound(response)
    const inner = { ...call, path: rest }
    if (door === 'engine') {
      const faults = call.method === 'POST' ? faultsOf(endpoint, call.body) : faultPlan([])
      return serveEngine(inner, endpoint, faults)
    }
    if (door !== 'v2') return notFound(response)
    if (rest.startsWith('/openai/')) {
      const routed = { ...call, path: rest.slice('/openai'.length) }
      serveOpenaiRoute(routed, endpoint, faultsOf(endpoint, call.body), options, clock)
      return
    }
    const served = jobApis.get(id)?.serve(inner, () => faultsOf(endpoint, call.body))
    if (served !== true) notFound(response)
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
    close() {
      for (const endpoint of endpoints.values()) endpoint.close()
      return new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
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
    const url = new URL(request.url ?? '/', 'http://simulator')
    serve({
      method: request.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: Buffer.concat(chunks),
      response,
    })
  })
  request.on('error', () => response.destroy())
}

/** RunPod takes its key with and without `Bearer`. */
function hasKey(call: DoorCall, key: string): boolean {
  const given = call.headers.authorization ?? ''
  return given.replace(/^Bearer\s+/i, '') === key
}

function unauthorized(response: ServerResponse): void {
  sendWhole(response, 401, { server: 'cloudflare' }, '{"error":"unauthorized"}')
}

function notFound(response: ServerResponse): void {
  sendWhole(response, 404, { server: 'cloudflare' }, '{"error":"not found"}')
}
