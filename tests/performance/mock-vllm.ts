// A vLLM that costs next to nothing: raw sockets and prepared answers. Which answer it gives is told
// by the model's name. All streams are fed by one timer, each in its own slot of the time between
// two chunks, because streams of real users do not tick together.
import { createServer, type Socket } from 'node:net'
import { answerAsks } from './rig/child.ts'
import { machineMs } from './rig/process-figures.ts'
import { floodBlock, floodBytes, stampedChunk, streamEnd, wholeAnswer } from './rig/wire-texts.ts'

export type MockAsks = {
  listen: { given: null; back: number }
  /** What each flooded connection took so far, on average. */
  floods: { given: null; back: { count: number; meanBytes: number } }
}

interface Ticking {
  socket: Socket
  seq: number
  chunks: number
  /** It gets no further chunk. */
  leave(): void
}

interface Flood {
  socket: Socket
  bytesBefore: number
}

/** Slots of a millisecond each; a stream gets a chunk whenever the time comes to its slot. */
interface Ring {
  slots: Set<Ticking>[]
  next: number
}

const tickMs = 10
/** Streams that are merely open: their first chunk comes at once, and they never end. */
const slowTickMs = 500
const ticks = ringOf(tickMs)
const slowTicks = ringOf(slowTickMs)
const floods = new Set<Flood>()

const whole = Buffer.from(
  `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${wholeAnswer.length}\r\n\r\n${wholeAnswer}`,
)
const streamHead =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n'
const streamTail = `${httpChunk(streamEnd)}0\r\n\r\n`
const flood = Buffer.from(httpChunk(floodBlock()))

const server = createServer({ noDelay: true }, (socket) => {
  let held: Buffer | null = null
  let bodyLeft = 0
  let model = ''
  socket.on('error', () => {})
  socket.on('data', (piece: Buffer) => {
    if (bodyLeft > 0) {
      bodyLeft -= piece.length
    } else {
      held = held === null ? piece : Buffer.concat([held, piece])
      const request = readRequest(held)
      if (request === null) return
      held = null
      model = request.model
      bodyLeft = request.bodyLeft
    }
    if (bodyLeft <= 0) answer(socket, model)
  })
})

setInterval(feedSlots, 1)
answerAsks<MockAsks>({
  listen: () =>
    new Promise((resolve) => {
      server.listen(0, '127.0.0.1', () => {
        const address = server.address()
        resolve(typeof address === 'object' ? (address?.port ?? 0) : 0)
      })
    }),
  floods() {
    let sum = 0
    for (const { socket, bytesBefore } of floods) {
      // What a socket still holds itself was not taken by anybody.
      sum += socket.bytesWritten - socket.writableLength - bytesBefore
    }
    return { count: floods.size, meanBytes: floods.size === 0 ? 0 : sum / floods.size }
  },
})

/** The start of a body names the model; the rest of it is only counted. */
function readRequest(bytes: Buffer): { model: string; bodyLeft: number } | null {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return null
  const head = bytes.toString('latin1', 0, headEnd)
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
  const start = headEnd + 4
  const model = /"model":\s?"([\w-]+)"/.exec(bytes.toString('latin1', start, start + 128))?.[1]
  return model === undefined ? null : { model, bodyLeft: length - (bytes.length - start) }
}

function answer(socket: Socket, model: string): void {
  if (model === 'whole') {
    socket.write(whole)
    return
  }
  socket.write(streamHead)
  if (model === 'flood') return pour(socket)
  if (model === 'slow') feed(enter(slowTicks, socket, Number.POSITIVE_INFINITY))
  else enter(ticks, socket, Number(model.split('-')[1]))
}

function ringOf(ms: number): Ring {
  return { slots: Array.from({ length: ms }, () => new Set<Ticking>()), next: 0 }
}

function enter(ring: Ring, socket: Socket, chunks: number): Ticking {
  const slot = slotOf(ring, ring.next)
  ring.next += 1
  const leave = () => {
    slot.delete(ticking)
    // The next stream on this connection has its own.
    socket.off('close', leave)
  }
  const ticking = { socket, seq: 0, chunks, leave }
  slot.add(ticking)
  socket.once('close', leave)
  return ticking
}

function slotOf({ slots }: Ring, at: number): Set<Ticking> {
  return slots[at % slots.length] ?? new Set()
}

let slotDueMs = machineMs()
let slotAt = 0

function feedSlots(): void {
  const nowMs = machineMs()
  // After a pause of the whole machine, what was missed is not made up for in a burst.
  if (nowMs - slotDueMs > 2 * tickMs) slotDueMs = nowMs
  while (slotDueMs <= nowMs) {
    for (const ring of [ticks, slowTicks]) for (const ticking of slotOf(ring, slotAt)) feed(ticking)
    slotAt += 1
    slotDueMs += 1
  }
}

function feed(ticking: Ticking): void {
  if (ticking.seq === ticking.chunks) {
    ticking.leave()
    ticking.socket.write(streamTail)
    return
  }
  ticking.socket.write(httpChunk(stampedChunk(ticking.seq, machineMs())), 'latin1')
  ticking.seq += 1
}

function pour(socket: Socket): void {
  const entry: Flood = { socket, bytesBefore: socket.bytesWritten }
  floods.add(entry)
  socket.once('close', () => floods.delete(entry))
  const go = () => {
    while (socket.bytesWritten - entry.bytesBefore < floodBytes && !socket.destroyed) {
      if (!socket.write(flood)) return
    }
    if (socket.destroyed) return
    socket.off('drain', go)
    socket.write(streamTail)
  }
  socket.on('drain', go)
  go()
}

function httpChunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`
}
