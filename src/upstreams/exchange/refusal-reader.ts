// Reads the body of an answer that is not a 200, as much of it as is needed to know what it means.
import type { Fault } from '#domain'
import { faultOf } from './failures.ts'

const refusalBytesMax = 65_536

export interface RefusalReader {
  push(bytes: Buffer): void
  /** Lingers: an edge gave up, which says nothing about the worker behind it. */
  end(): { fault: Fault; lingers: boolean }
}

export function createRefusalReader(status: number, contentType: string): RefusalReader {
  const pieces: Buffer[] = []
  let byteCount = 0
  return {
    push(bytes) {
      byteCount += bytes.length
      if (byteCount <= refusalBytesMax) pieces.push(bytes)
    },
    end: () => ({
      fault: faultOf({ status, contentType, text: Buffer.concat(pieces).toString('utf8') }),
      lingers: status >= 500 && contentType.startsWith('text/html'),
    }),
  }
}
