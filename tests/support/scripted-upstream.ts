// An upstream that does what a test tells it: a real server on a real socket, whose calls can be
// watched. `closed` resolves when the TCP connection of a call is gone.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export interface UpstreamCall {
  request: IncomingMessage
  response: ServerResponse
  body: string
  socket: Socket
  closed: Promise<void>
}

export interface ScriptedUpstream extends AsyncDisposable {
  url: string
  calls: UpstreamCall[]
  /** The next call that arrives, or one that arrived and nobody asked for. */
  nextCall(): Promise<UpstreamCall>
  openSockets(): number
}

export type Script = (call: UpstreamCall) => void

export async function startUpstream(script: Script = () => {}): Promise<ScriptedUpstream> {
  const calls: UpstreamCall[] = []
  const unseen: UpstreamCall[] = []
  const waiting: ((call: UpstreamCall) => void)[] = []
  const sockets = new Map<Socket, Promise<void>>()
  // A connection carries many calls: it is watched once.
  const closedOf = (socket: Socket) => sockets.get(socket) ?? Promise.resolve()
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    const { socket } = request
    const closed = closedOf(socket)
    response.on('error', () => {})
    request.on('error', () => {})
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const body = Buffer.concat(pieces).toString()
      const call = { request, response, body, socket, closed }
      calls.push(call)
      const waiter = waiting.shift()
      if (waiter === undefined) unseen.push(call)
      else waiter(call)
      script(call)
    })
  })
  server.on('connection', (socket) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    sockets.set(socket, promise)
    socket.once('close', () => {
      sockets.delete(socket)
      resolve()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    openSockets: () => sockets.size,
    nextCall() {
      const call = unseen.shift()
      return call === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(call)
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.keys()) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** What a vLLM says, piece by piece. */
export function chunk(content: string, extra: Record<string, unknown> = {}): string {
  return event({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1795271535,
    model: 'served/model',
    choices: [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }],
    ...extra,
  })
}

export function lastChunk(index = 0, reason = 'stop'): string {
  return chunk('', { choices: [{ index, delta: {}, logprobs: null, finish_reason: reason }] })
}

export function usageOf(prompt: number, completion: number) {
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
  }
}

export function usageChunk(prompt: number, completion: number): string {
  return chunk('', { choices: [], usage: usageOf(prompt, completion) })
}

export const done = 'data: [DONE]\n\n'

export function event(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

export function wholeAnswer(content: string): string {
  return JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1795271535,
    model: 'served/model',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content, refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: usageOf(11, 5),
  })
}

export function beginStream({ response }: UpstreamCall): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
}

export function answerWhole({ response }: UpstreamCall, body: string, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body)
}

/** A good short answer, streamed or whole as it was asked for. */
export const goodAnswer: Script = (call) => {
  if (JSON.parse(call.body).stream !== true) return answerWhole(call, wholeAnswer('Hello there'))
  beginStream(call)
  call.response.end(
    [
      chunk('', {
        choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
      }),
      chunk('Hello', { usage: usageOf(11, 1) }),
      chunk(' there', { usage: usageOf(11, 2) }),
      lastChunk(),
      usageChunk(11, 2),
      done,
    ].join(''),
  )
}
