// A client on a bare socket, for what no HTTP library would send. Answers are read one by one, in
// the order in which they come.
import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  status: number
  headers: Headers
  body: string
}

export interface RawClient extends Disposable {
  socket: Socket
  send(bytes: string | Buffer): void
  /** The next answer, whole; rejects when the connection ends before it. */
  answer(options?: { hasBody?: boolean }): Promise<RawAnswer>
  /** Resolves once this stands in what came and was not yet taken as an answer. */
  seen(part: string): Promise<void>
  /** Everything that came, answers that were taken included. */
  text(): string
  closed: Promise<void>
}

export async function openRaw(url: string): Promise<RawClient> {
  const { hostname, port } = new URL(url)
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
  const watchers = new Set<() => void>()
  let all = ''
  let rest = ''
  let isOver = false
  const tell = () => {
    for (const look of watchers) look()
  }
  socket.on('error', () => {})
  socket.setEncoding('latin1').on('data', (piece: string) => {
    all += piece
    rest += piece
    tell()
  })
  const closed = new Promise<void>((resolve) => {
    const over = () => {
      isOver = true
      tell()
      resolve()
    }
    socket.once('close', over)
    socket.once('end', () => {
      socket.end()
      over()
    })
  })
  /** Looks again with every piece, until `look` finds something. */
  function until<Found>(look: () => Found | null): Promise<Found> {
    return new Promise((resolve, reject) => {
      const again = () => {
        const found = look()
        if (found === null && !isOver) return
        watchers.delete(again)
        if (found !== null) resolve(found)
        else reject(new Error(`the connection ended at: ${JSON.stringify(rest.slice(0, 500))}`))
      }
      watchers.add(again)
      again()
    })
  }
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  return {
    socket,
    closed,
    text: () => all,
    send: (bytes) => void socket.write(bytes),
    seen: async (part) => void (await until(() => (rest.includes(part) ? true : null))),
    async answer({ hasBody = true } = {}) {
      const { found, length } = await until(() => answerIn(rest, hasBody))
      rest = rest.slice(length)
      return found
    },
    [Symbol.dispose]: () => void socket.destroy(),
  }
}

function answerIn(text: string, hasBody: boolean): { found: RawAnswer; length: number } | null {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd === -1) return null
  const [statusLine = '', ...lines] = text.slice(0, headEnd).split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1])
  if (!Number.isInteger(status)) throw new Error(`not a status line: ${statusLine}`)
  const headers = new Headers()
  for (const line of lines) {
    const colon = line.indexOf(':')
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  const start = headEnd + 4
  if (!hasBody || status === 100 || status === 204) {
    return { found: { status, headers, body: '' }, length: start }
  }
  const body =
    headers.get('transfer-encoding') === 'chunked'
      ? chunkedIn(text, start)
      : sizedIn(text, start, Number(headers.get('content-length')))
  if (body === null) return null
  const decoded = Buffer.from(body.text, 'latin1').toString('utf8')
  return { found: { status, headers, body: decoded }, length: body.end }
}

function sizedIn(text: string, start: number, length: number) {
  const end = start + length
  return text.length < end ? null : { text: text.slice(start, end), end }
}

function chunkedIn(text: string, start: number) {
  let body = ''
  let at = start
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd === -1) return null
    const size = Number.parseInt(text.slice(at, lineEnd), 16)
    const next = lineEnd + 2 + size + 2
    if (text.length < next) return null
    body += text.slice(lineEnd + 2, lineEnd + 2 + size)
    at = next
    if (size === 0) return { text: body, end: at }
  }
}
