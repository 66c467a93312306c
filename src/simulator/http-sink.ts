// Writes an engine's answer into an HTTP response, as a vLLM server does: the headers leave as soon
// as the request was accepted, long before the first token.
import type { ServerResponse } from 'node:http'
import type { ReplySink } from './reply-sink.ts'

export type Headers = { readonly [name: string]: string }

/** Beyond this a reader is too slow, and the writer waits for it. */
const bufferedMaxBytes = 1024 * 1024

export const vllmHeaders: Headers = { server: 'uvicorn', vary: 'Origin' }

export function httpSink(response: ServerResponse, headers: Headers): ReplySink {
  return {
    whole(status, body, more) {
      sendWhole(response, status, { ...headers, ...more }, body)
    },
    tornWhole(body) {
      const length = String(Buffer.byteLength(body))
      const type = { 'content-type': 'application/json' }
      response.writeHead(200, { ...headers, 'content-length': length, ...type })
      response.write(body.slice(0, body.length / 2))
      tear(response)
    },
    open(more) {
      const type = { 'content-type': 'text/event-stream; charset=utf-8' }
      response.writeHead(200, { ...headers, ...more, ...type })
      response.flushHeaders()
    },
    event(text) {
      if (response.destroyed) return true
      response.write(text)
      return response.writableLength < bufferedMaxBytes
    },
    whenDrained: (callback) => whenDrained(response, callback),
    end() {
      response.end()
    },
    breakOff: () => tear(response),
  }
}

/** Calls back when the reader took what was waiting, or left. */
function whenDrained(response: ServerResponse, callback: () => void): void {
  const settle = () => {
    response.off('drain', settle)
    response.off('close', settle)
    callback()
  }
  response.once('drain', settle)
  response.once('close', settle)
}

/** Destroys the socket, after what was written has left it: Node holds writes for one tick. */
function tear(response: ServerResponse): void {
  setImmediate(() => response.destroy())
}

export function sendWhole(
  response: ServerResponse,
  status: number,
  headers: Headers,
  body: string,
): void {
  if (response.headersSent || response.destroyed) return
  const isTyped = body === '' || 'content-type' in headers
  const type = isTyped ? {} : { 'content-type': 'application/json' }
  const length = String(Buffer.byteLength(body))
  response.writeHead(status, { ...headers, 'content-length': length, ...type })
  response.end(body)
}
