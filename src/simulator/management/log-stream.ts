// `GET …/workers/{id}/logs`: a worker's lines as server-sent events, the last ones first and then
// every new one as it comes. A reader who comes back with `Last-Event-ID` misses nothing that is
// still kept. A silent connection stays open.
import type { ServerResponse } from 'node:http'
import type { DoorCall } from '../edge/door.ts'
import type { LogBook, LogLine } from './log-book.ts'
import { notFound, Problem } from './problem.ts'

const tailMax = 5000
const tailDefault = 100
/** A reader who is this far behind is let go; it can come back with its last id. */
const bufferedMaxBytes = 1024 * 1024

export function streamLogs(
  call: DoorCall,
  book: LogBook,
  ids: { endpointId: string; workerId: string },
  headers: { readonly [name: string]: string },
): void {
  const kept = book.linesOf(ids.endpointId, ids.workerId)
  if (kept === null) throw notFound('worker')
  const wanted = wantedLines(call)
  const { response } = call
  const first = firstLines(call, kept.filter(wanted))
  response.writeHead(200, { ...headers, 'content-type': 'text/event-stream' })
  response.flushHeaders()
  for (const line of first) send(response, line)
  const unfollow = book.follow(ids.workerId, (line) => {
    if (wanted(line)) send(response, line)
  })
  response.once('close', unfollow)
}

function firstLines({ headers, query }: DoorCall, lines: readonly LogLine[]): readonly LogLine[] {
  const last = headers['last-event-id']
  if (typeof last === 'string' && last !== '') return lines.filter(({ ts }) => ts > last)
  const asked = query.get('tail')
  const tail = asked === null ? tailDefault : Number(asked)
  if (!Number.isInteger(tail) || tail < 0 || tail > tailMax) {
    throw new Problem(400, `tail must be a whole number from 0 to ${tailMax}`)
  }
  return tail === 0 ? [] : lines.slice(-tail)
}

function wantedLines({ query }: DoorCall): (line: LogLine) => boolean {
  const source = query.get('source')
  if (source !== null && source !== 'container' && source !== 'system') {
    throw new Problem(400, 'source must be container or system')
  }
  const since = query.get('since')
  const sinceMs = since === null ? Number.NEGATIVE_INFINITY : Date.parse(since)
  if (Number.isNaN(sinceMs)) throw new Problem(400, 'since must be a time')
  return (line) => (source === null || line.source === source) && Date.parse(line.ts) >= sinceMs
}

function send(response: ServerResponse, line: LogLine): void {
  const { source, ts } = line
  response.write(`id: ${ts}\ndata: ${JSON.stringify({ source, line: line.line, ts })}\n\n`)
  if (response.writableLength > bufferedMaxBytes) response.destroy()
}
