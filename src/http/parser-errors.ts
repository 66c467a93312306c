// Requests that node's parser refuses: there is no request object, so the answer is written to the
// socket by hand, and the connection ends.
import type { Socket } from 'node:net'
import { Fault, newRequestId } from '#domain'
import { errorEnvelope } from '#wire'

export function answerParserError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status = statusOf(error.code)
  const message = 'The request could not be read as HTTP.'
  const body = errorEnvelope(new Fault('bad_request', { message }))
  const head = [
    `HTTP/1.1 ${status}`,
    'connection: close',
    `x-request-id: ${newRequestId()}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function statusOf(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large'
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return '408 Request Timeout'
  return '400 Bad Request'
}
