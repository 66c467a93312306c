// A real worker of RunPod's Python SDK as a process, attached to a simulator through a relay that
// notes what the worker asks and posts.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { workerEnvironment } from '#src/simulator/external/worker-environment.ts'
import type { SimulatorOptions } from '#src/simulator/index.ts'

export interface Noted {
  /** `take`, `stop`, `stream`, `done` or `ping`. */
  kind: string
  jobId: string
  query: Record<string, string>
  contentType: string
  /** The id in the header that posts carry. */
  requestId: string
  body: string
}

export interface AttachedWorker {
  noted: Noted[]
  /** All that was printed so far. */
  printed(): string
  /** The process and its pinging child, at once. */
  kill(): Promise<void>
}

const kinds: { readonly [operation: string]: string } = {
  'job-take': 'take',
  'job-take-batch': 'take',
  'job-stop': 'stop',
  'job-stream': 'stream',
  'job-done': 'done',
  ping: 'ping',
}

export async function attachWorker(
  python: string,
  simulatorUrl: string,
  endpoint: string,
  options: SimulatorOptions,
  workerId: string,
): Promise<AttachedWorker> {
  const noted: Noted[] = []
  const relay = createServer((incoming, outgoing) =>
    relayCall(incoming, outgoing, simulatorUrl, noted),
  )
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  const { port } = relay.address() as AddressInfo // a TCP server has an address of this form
  const home = mkdtempSync(join(tmpdir(), 'podgate-worker-'))
  const child = spawn(python, ['tests/python/worker/handler.py'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      // The SDK reads a key from the home folder before it looks at the environment.
      HOME: home,
      ...workerEnvironment(`http://127.0.0.1:${port}`, endpoint, options, workerId),
      VLLM_BASE_URL: `${simulatorUrl}/engine/${endpoint}`,
      RUNPOD_LOG_LEVEL: 'INFO',
    },
  })
  let text = ''
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding('utf8').on('data', (piece: string) => {
      text += piece
    })
  }
  return {
    noted,
    printed: () => text,
    async kill() {
      await killGroup(child)
      relay.closeAllConnections()
      relay.close()
      rmSync(home, { recursive: true })
    },
  }
}

/** The SDK pings from a process of its own, which would outlive its parent. */
async function killGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  process.kill(-child.pid, 'SIGKILL')
  await exited
}

function relayCall(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  simulatorUrl: string,
  noted: Noted[],
): void {
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.on('end', () => {
    const body = Buffer.concat(chunks)
    const url = new URL(incoming.url ?? '/', simulatorUrl)
    const [, , , operation = '', , jobId = ''] = url.pathname.split('/')
    noted.push({
      kind: kinds[operation] ?? operation,
      jobId,
      query: Object.fromEntries(url.searchParams),
      contentType: incoming.headers['content-type'] ?? '',
      requestId: String(incoming.headers['x-request-id'] ?? ''),
      body: body.toString('utf8'),
    })
    const { method, headers } = incoming
    const onward = request(url, { method, headers: { ...headers, host: url.host } }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    onward.on('error', () => outgoing.destroy())
    outgoing.on('close', () => onward.destroy())
    onward.end(body)
  })
}
