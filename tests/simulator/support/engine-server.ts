// A simulated vLLM server on a free port, and nothing of RunPod around it.
import { createServer, type Server } from 'node:http'
import { type Clock, systemClock } from '#src/domain/index.ts'
import { openSequenceRoom } from '#src/simulator/engine/sequence-room.ts'
import { type Engine, startEngine } from '#src/simulator/engine/vllm-server.ts'
import { httpSink, vllmHeaders } from '#src/simulator/http-sink.ts'
import { type EndpointOptions, simulatorOptions } from '#src/simulator/options.ts'

export interface EngineServer {
  engine: Engine
  url: string
  close(): Promise<void>
}

export interface EngineSettings {
  seqsMax?: number
  speed?: number
  lostCancelShare?: number
  clock?: Clock
  /** As in the options of an endpoint. */
  model: object
}

export function engineFor({ model, clock = systemClock, ...settings }: EngineSettings): Engine {
  const read = simulatorOptions.parse({ endpoints: { one: model }, ...settings })
  const room = openSequenceRoom(read.seqsMax)
  return startEngine(onlyOne(read.endpoints), { ...read, room }, clock, 'one')
}

/** Takes over what `systemClock` measures; tests with a clock of their own ask the engine itself. */
export async function openEngineServer(settings: EngineSettings): Promise<EngineServer> {
  const engine = engineFor(settings)
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const requestId = request.headers['x-request-id']
    const stop = engine.ask(
      {
        method: request.method ?? 'GET',
        path: request.url ?? '/',
        mediaType: request.headers['content-type'] ?? null,
        body: Buffer.concat(parts),
        requestId: typeof requestId === 'string' ? requestId : null,
        wish: { slowFirstMs: 0, tokens: null, hidesUsage: false },
      },
      httpSink(response, vllmHeaders),
    )
    response.once('close', stop)
  })
  const url = await listening(server)
  return {
    engine,
    url,
    async close() {
      engine.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function listening(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`)
    })
  })
}

function onlyOne(endpoints: { [id: string]: EndpointOptions }): EndpointOptions {
  const { one } = endpoints
  if (one === undefined) throw new Error('the endpoint is not there')
  return one
}
