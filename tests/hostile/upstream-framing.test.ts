// Servers that break HTTP, or use of it what nobody asked for.
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import {
  chunk,
  done,
  lastChunk,
  usageChunk,
  usageOf,
  wholeAnswer,
} from '../support/scripted-upstream.ts'
import { kinds } from '../support/test-gateway.ts'
import { answer, chunked, head, openStream, stream, whole } from './raw-server.ts'
import { type Behaviour, foreign, hostileRig } from './upstream-rig.ts'

const good = wholeAnswer('Hello')
const goodStream =
  chunk('Hello', { usage: usageOf(11, 1) }) + lastChunk() + usageChunk(11, 1) + done
const page = `<!DOCTYPE html><title>${foreign.text}</title>`
const noise = JSON.stringify({ error: { message: foreign.text } })

const hello = { content: 'Hello' }
const bad = { status: 502, code: 'upstream_bad_answer' }
const cut = { status: 502, code: 'upstream_cut' }

const json = 'Content-Type: application/json'
const isWhole = true

/** A head with these lines and a good whole answer behind it. */
function around(...lines: string[]): string {
  return head('200 OK', json, ...lines) + good
}

function closes(bytes: string | Buffer): Behaviour['says'] {
  return (socket) => void socket.end(bytes)
}

function informational(status: string, count: number): string {
  return head(status, `Link: <https://${foreign.text}>`).repeat(count)
}

const length = `Content-Length: ${good.length}`
const floodOfHeaders = Array.from({ length: 5_000 }, (_, n) => `X-${n}: ${foreign.text}`)

/* biome-ignore format: a table reads as a table */
const table: Record<string, Behaviour> = {
  'a length that is too short':           { isWhole, ends: bad, says: around(`Content-Length: ${good.length - 5}`) },
  'a length that is too long, and a close': { isWhole, ends: cut, says: closes(around(`Content-Length: ${good.length + 5}`)) },
  'a negative length':                    { isWhole, ends: cut, says: around('Content-Length: -1') },
  'a length that is no number':           { isWhole, ends: cut, says: around('Content-Length: many') },
  'a length beyond all numbers':          { isWhole, ends: cut, says: around('Content-Length: 99999999999999999999999') },
  'two lengths':                          { isWhole, ends: cut, says: around(length, 'Content-Length: 7') },
  'a length and chunks':                  { isWhole, ends: cut, says: around(length, 'Transfer-Encoding: chunked') },
  'no length, and a close':               { isWhole, ends: hello, says: closes(around()) },
  'a chunk whose size is no number':      { ends: cut, says: `${head('200 OK', json, 'Transfer-Encoding: chunked')}zz\r\n{}\r\n`, isWhole },
  'a chunk of a size beyond all numbers': { ends: cut, says: `${head('200 OK', json, 'Transfer-Encoding: chunked')}fffffffffffffffff\r\n{}\r\n`, isWhole },
  'a chunk that is longer than its size': { ends: cut, says: `${head('200 OK', json, 'Transfer-Encoding: chunked')}2\r\n${good}\r\n0\r\n\r\n`, isWhole },
  'chunks with extensions and trailers':  { ends: hello, says: `${head('200 OK', json, 'Transfer-Encoding: chunked', 'Trailer: X-A')}${good.length.toString(16)};a=b\r\n${good}\r\n0\r\nX-A: ${foreign.text}\r\n\r\n`, isWhole },
  'an encoding that does not exist':      { ends: bad, says: around(length, 'Content-Encoding: rot13'), isWhole },
  'the encoding that is none':            { ends: hello, says: around(length, 'Content-Encoding: Identity'), isWhole },
  'gzip':                                 { ends: bad, says: whole(gzipSync(good), 'Content-Encoding: gzip'), isWhole },
  'gzip of which nothing is said':        { ends: bad, says: whole(gzipSync(good)), isWhole },
  'brotli':                               { ends: bad, says: whole(brotliCompressSync(good), 'Content-Encoding: br'), isWhole },
  'a stream in gzip':                     { ends: bad, says: Buffer.concat([Buffer.from(head('200 OK', 'Content-Type: text/event-stream', 'Content-Encoding: gzip', 'Transfer-Encoding: chunked')), chunked(gzipSync(goodStream)), Buffer.from('0\r\n\r\n')]) },
  'a stream in gzip of which nothing is said': { ends: bad, says: stream(gzipSync(goodStream)) },

  '103 before its answer':                { ends: hello, says: informational('103 Early Hints', 1) + around(length), isWhole },
  '102 a hundred times before its answer': { ends: hello, says: informational('102 Processing', 100) + around(length), isWhole },
  '100 that nobody waits for':            { ends: cut, says: informational('100 Continue', 1) + around(length), isWhole },
  '101, another protocol':                { ends: cut, says: head('101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade') + foreign.text },
  '201':                                  { ends: bad, says: answer('201 Created', good, json), isWhole },
  '204':                                  { ends: bad, says: head('204 No Content') },
  '205':                                  { ends: bad, says: head('205 Reset Content', 'Content-Length: 0') },
  '206':                                  { ends: bad, says: answer('206 Partial Content', good, json, 'Content-Range: bytes 0-9/99'), isWhole },
  '304':                                  { ends: bad, says: head('304 Not Modified', `ETag: "${foreign.text}"`) },
  '200 without a body':                   { ends: bad, says: head('200 OK', 'Content-Length: 0') },
  '200 without a body, as a stream':      { ends: bad, says: stream('') },
  'a status beyond all':                  { ends: bad, says: answer('999 Beyond', noise, json) },
  'a status of four digits':              { ends: cut, says: answer('2000 OK', good, json) },
  'a status without a reason':            { ends: hello, says: `HTTP/1.1 200\r\n${json}\r\n${length}\r\n\r\n${good}`, isWhole },

  'no status line':                       { ends: cut, says: closes(`${foreign.text}\r\n\r\n`) },
  'HTTP/0.9':                             { ends: cut, says: closes(good), isWhole },
  'HTTP/1.0 and a close':                 { ends: hello, says: closes(`HTTP/1.0 200 OK\r\n${json}\r\n\r\n${good}`), isWhole },
  'HTTP/2':                               { ends: cut, says: closes(Buffer.from('00001204000000000000030000006400040000ffff', 'hex')) },
  'TLS':                                  { ends: cut, says: closes(Buffer.from('1603030002022a15030300020228', 'hex')) },
  'bytes of all sorts':                   { ends: cut, says: closes(Buffer.from(Array.from({ length: 512 }, (_, n) => (n * 37) % 256))) },
  'only a line end':                      { ends: cut, says: closes('\r\n\r\n\r\n') },
  'a header without a colon':             { ends: cut, says: head('200 OK', foreign.text) + good, isWhole },
  'a header with a zero in it':           { ends: cut, says: head('200 OK', `X-A: ${foreign.text}\0`) + good, isWhole },
  'a space before the colon':             { ends: cut, says: head('200 OK', json, 'Content-Length : 5') + good, isWhole },
  'five thousand headers':                { ends: cut, says: around(length, ...floodOfHeaders), isWhole },
  'a header of a megabyte':               { ends: cut, says: around(length, `X-A: ${foreign.text.repeat(40_000)}`), isWhole },

  'a page':                               { ends: bad, says: answer('200 OK', page, 'Content-Type: text/html') },
  'a page that is called a stream':       { ends: bad, says: answer('200 OK', page, 'Content-Type: text/event-stream') },
  'a page that is called JSON':           { ends: bad, says: whole(page) },
  'a body where a stream was asked for':  { ends: bad, says: whole(good) },
  'a stream where a body was asked for':  { ends: bad, says: stream(goodStream), isWhole },
  'a stream of another name':             { ends: bad, says: answer('200 OK', goodStream, 'Content-Type: text/plain') },
  'a stream named in capitals':           { ends: hello, says: answer('200 OK', goodStream, 'Content-Type: Text/Event-Stream;charset=UTF-8') },
  'a body without a type':                { ends: hello, says: answer('200 OK', good), isWhole },
  'a body of another name':               { ends: hello, says: answer('200 OK', good, 'Content-Type: text/plain; charset=iso-8859-1'), isWhole },
  'a body in UTF-16':                     { ends: bad, says: answer('200 OK', Buffer.from(good, 'utf16le'), 'Content-Type: application/json; charset=utf-16'), isWhole },
  'a body with a mark of its byte order': { ends: bad, says: whole(`\ufeff${good}`), isWhole },
  'a zero byte in its body':              { ends: bad, says: whole(good.replace('Hello', 'Hel\0lo')), isWhole },
  'half a JSON':                          { ends: bad, says: whole(good.slice(0, -1)), isWhole },
  'two JSONs':                            { ends: bad, says: whole(good + good), isWhole },
  'a JSON that is a list':                { ends: bad, says: whole(`[${good}]`), isWhole },

  'cookies, CORS and the headers of an edge': { ends: hello, isWhole, says: whole(good, `Set-Cookie: a=${foreign.text}`, 'Access-Control-Allow-Origin: *', `Server: ${foreign.text}`, `CF-RAY: ${foreign.text}`, 'Cf-Cache-Status: HIT', `X-Request-Id: ${foreign.text}`, 'X-Powered-By: Express', 'Strict-Transport-Security: max-age=1', 'Alt-Svc: h3=":443"', 'X-RateLimit-Limit-Requests: 1', 'OpenAI-Organization: x') },
  'a stream with the headers of an edge': { ends: hello, says: answer('200 OK', goodStream, 'Content-Type: text/event-stream', `Set-Cookie: a=${foreign.text}`, `Via: ${foreign.text}`, 'Retry-After: 5') },
  'Connection: close':                    { ends: hello, says: closes(around(length, 'Connection: close')), isWhole },
  'an answer that is followed by another': { ends: hello, says: around(length) + answer('200 OK', wholeAnswer(foreign.text), json), isWhole },
  'a stream that is followed by another answer': { ends: hello, says: Buffer.concat([stream(goodStream), answer('200 OK', wholeAnswer(foreign.text), json)]) },
}

const redirects = [
  '301 Moved Permanently',
  '302 Found',
  '303 See Other',
  '307 Temporary Redirect',
  '308 Permanent Redirect',
]

describe.each(kinds)('in front of %s, a server that says', (kind) => {
  const rig = hostileRig(kind)

  test.each(Object.entries(table))('%s', async (_name, behaviour) => {
    await rig.meets({ tries: 1, ...behaviour })
  })

  test.each(redirects)('%s is not followed', async (status) => {
    const elsewhere = rig.server().url
    const connections = rig.server().connections()
    const says = answer(status, page, `Location: ${elsewhere}/${foreign.text}`)
    await rig.meets({ says, ends: bad, tries: 1 })
    // Its own connection, and the next call's if that one was not kept.
    expect(rig.server().connections() - connections).toBeLessThanOrEqual(2)
  })

  test('its answer a byte at a time', async () => {
    const bytes = stream(goodStream)
    await rig.meets({
      ends: hello,
      says(socket) {
        socket.setNoDelay(true)
        const write = (at: number) => {
          if (at < bytes.length) socket.write(bytes.subarray(at, at + 1), () => write(at + 1))
        }
        write(0)
      },
    })
  })

  test('an end in the middle of a stream’s framing', async () => {
    const says = closes(Buffer.concat([openStream(chunk('Hello')), Buffer.from('1f')]))
    await rig.meets({ says, ends: { after: 'Hello', code: 'upstream_cut' } })
  })
})
