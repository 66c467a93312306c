// Splits a byte stream into server-sent events, wherever the bytes were cut: inside a UTF-8
// character, between `\r` and `\n`, in the middle of a megabyte. An event counts only when its
// blank line has arrived; a rest at the end is dropped. So are comments and unknown fields: clients
// get the upstream's data in our own framing.
import { Fault } from '#domain'
import { GatheredBytes } from './gathered-bytes.ts'

const LF = 10
const CR = 13

/** What each further line of an event takes beside its text: empty lines take memory too. */
const lineBytes = 64

export interface SseSplitter {
  /** Calls back with the data of each event that the bytes complete. Throws if one is too large. */
  push(bytes: Buffer, onData: (data: string) => void): void
  /** No part of an event is held: the next bytes begin one. */
  isIdle(): boolean
  /** Bytes held for an event that is not complete. */
  heldBytes(): number
}

export function createSseSplitter(eventBytesMax: number): SseSplitter {
  let held: GatheredBytes | null = null
  let dataBytes = 0
  let data: string | null = null
  let swallowLf = false
  let isFirstLine = true

  function hold(piece: Buffer): void {
    held ??= new GatheredBytes()
    held.add(piece)
    refuseTooLarge(held.byteCount + dataBytes, eventBytesMax)
  }

  function line(bytes: Buffer, start: number, end: number): string {
    if (held === null) return bytes.toString('utf8', start, end)
    held.add(bytes.subarray(start, end))
    const text = held.whole().toString('utf8')
    held = null
    return text
  }

  function take(text: string): void {
    const field = isFirstLine && text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
    isFirstLine = false
    const value = dataIn(field)
    if (value === null) return
    dataBytes += data === null ? value.length : value.length + lineBytes
    data = data === null ? value : `${data}\n${value}`
    refuseTooLarge(dataBytes, eventBytesMax)
  }

  function push(bytes: Buffer, onData: (data: string) => void): void {
    let at = 0
    if (swallowLf && bytes.length > 0) {
      if (bytes[0] === LF) at = 1
      swallowLf = false
    }
    let lf = bytes.indexOf(LF, at)
    let cr = bytes.indexOf(CR, at)
    while (lf !== -1 || cr !== -1) {
      const end = lf === -1 || (cr !== -1 && cr < lf) ? cr : lf
      if (end === at && held === null) {
        const told = data
        data = null
        dataBytes = 0
        // The standard's rule: an event without data is none. Some servers keep alive like this.
        if (told !== null && told !== '') onData(told)
      } else {
        take(line(bytes, at, end))
      }
      at = end + 1
      if (end === cr) {
        // `\r\n` is one line end. If `\n` is yet to come, it is swallowed when it does.
        if (bytes[at] === LF) at += 1
        else if (at === bytes.length) swallowLf = true
        cr = bytes.indexOf(CR, at)
      }
      if (lf !== -1 && lf < at) lf = bytes.indexOf(LF, at)
    }
    if (at < bytes.length) hold(bytes.subarray(at))
  }

  function isIdle(): boolean {
    return held === null && data === null && !swallowLf && !isFirstLine
  }

  return { push, isIdle, heldBytes: () => (held?.byteCount ?? 0) + dataBytes }
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

/** Without line ends: one would end the comment and begin something else. */
export function sseComment(text: string): string {
  return `: ${text.replaceAll(/[\r\n]+/g, ' ')}\n\n`
}
