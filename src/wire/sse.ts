// Splits a byte stream into server-sent events, wherever the bytes were cut: inside a UTF-8
// character, between `\r` and `\n`, in the middle of a megabyte. An event counts once its blank
// line arrived; what is left behind at the end was never said. Comments and unknown fields are
// dropped: framing is ours, only the data is the upstream's.
import { Fault } from '#domain'

const LF = 10
const CR = 13

export interface SseSplitter {
  /** The data of every event that these bytes complete. */
  push(bytes: Buffer): string[]
  /**
   * The usual packet in one step: the data, if these bytes are one event of one line; else null.
   * Nothing is taken. Line ends inside are not looked for: what has any is not that packet.
   */
  peek(bytes: Buffer): string | null
  /** Bytes held for an event that is not complete. */
  heldBytes(): number
}

export function createSseSplitter(eventBytesMax: number): SseSplitter {
  let pieces: Buffer[] = []
  let pieceBytes = 0
  let dataBytes = 0
  let data: string | null = null
  let swallowLf = false
  let isFirstLine = true

  function hold(piece: Buffer): void {
    pieces.push(piece)
    pieceBytes += piece.length
    refuseTooLarge(pieceBytes + dataBytes, eventBytesMax)
  }

  function line(bytes: Buffer, start: number, end: number): string {
    if (pieces.length === 0) return bytes.toString('utf8', start, end)
    pieces.push(bytes.subarray(start, end))
    const whole = Buffer.concat(pieces)
    pieces = []
    pieceBytes = 0
    return whole.toString('utf8')
  }

  function take(text: string): void {
    const field = isFirstLine && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
    isFirstLine = false
    const value = dataIn(field)
    if (value === null) return
    data = data === null ? value : `${data}\n${value}`
    dataBytes += value.length
    refuseTooLarge(dataBytes, eventBytesMax)
  }

  function push(bytes: Buffer): string[] {
    const events: string[] = []
    let at = 0
    if (swallowLf && bytes.length > 0) {
      if (bytes[0] === LF) at = 1
      swallowLf = false
    }
    let lf = bytes.indexOf(LF, at)
    let cr = bytes.indexOf(CR, at)
    while (lf !== -1 || cr !== -1) {
      const end = lf === -1 || (cr !== -1 && cr < lf) ? cr : lf
      if (end === at && pieces.length === 0) {
        // The standard's own rule: an event of empty data is none. Some servers keep alive so.
        if (data !== null && data !== '') events.push(data)
        data = null
        dataBytes = 0
      } else {
        take(line(bytes, at, end))
      }
      at = end + 1
      if (end === cr) {
        // `\r\n` is one line end. If its halves come apart, the second is swallowed when it comes.
        if (bytes[at] === LF) at += 1
        else if (at === bytes.length) swallowLf = true
        cr = bytes.indexOf(CR, at)
      }
      if (lf !== -1 && lf < at) lf = bytes.indexOf(LF, at)
    }
    if (at < bytes.length) hold(bytes.subarray(at))
    return events
  }

  function peek(bytes: Buffer): string | null {
    const { length } = bytes
    if (pieces.length > 0 || data !== null || swallowLf || isFirstLine) return null
    // An event of empty data is none.
    if (length <= dataField.length + 2 || length > eventBytesMax) return null
    if (bytes[length - 1] !== LF || bytes[length - 2] !== LF || !beginsWithData(bytes)) return null
    return bytes.toString('utf8', dataField.length, length - 2)
  }

  return { push, peek, heldBytes: () => pieceBytes + dataBytes }
}

const dataField = Buffer.from('data: ')

function beginsWithData(bytes: Buffer): boolean {
  for (let at = 0; at < dataField.length; at += 1) if (bytes[at] !== dataField[at]) return false
  return true
}

/** The value of a `data` line; null for comments and other fields. */
function dataIn(line: string): string | null {
  if (!line.startsWith('data')) return null
  if (line.length === 4) return ''
  if (line[4] !== ':') return null
  return line.slice(line[5] === ' ' ? 6 : 5)
}

function refuseTooLarge(bytes: number, bytesMax: number): void {
  if (bytes <= bytesMax) return
  throw new Fault('upstream_too_large', {
    message: 'The model’s server sent an event that is larger than this gateway allows.',
    started: 'yes',
  })
}

export function sseData(json: string): string {
  return `data: ${json}\n\n`
}

/** A comment carries no line end: it would end the comment and begin something else. */
export function sseComment(text: string): string {
  return `: ${text.replaceAll(/[\r\n]+/g, ' ')}\n\n`
}
