// Reads as much of the body of an answer that is not a 200 as its meaning needs.
import type { Fault } from '#domain'
import { type BadResponse, faultOf } from './failures.ts'

const refusalBytesMax = 65_536

export interface RefusalReader {
  push(bytes: Buffer): void
  /**
   * `lingers`: an edge gave up, and the worker behind it may go on. Work that was turned away never
   * began, even if an edge says so.
   */
  end(): { fault: Fault; lingers: boolean }
}

export function createRefusalReader(head: Omit<BadResponse, 'text'>): RefusalReader {
  const pieces: Buffer[] = []
  let byteCount = 0
  return {
    push(bytes) {
      byteCount += bytes.length
      if (byteCount <= refusalBytesMax) pieces.push(bytes)
    },
    end() {
      const fault = faultOf({ ...head, text: Buffer.concat(pieces).toString('utf8') })
      return { fault, lingers: fault.turnedAway === null && isEdge(head) }
    },
  }
}

/** Edges own the statuses from 520 on, and only an edge shows a page before an API. */
function isEdge({ status, contentType }: Omit<BadResponse, 'text'>): boolean {
  return status >= 520 || (status >= 500 && contentType.startsWith('text/html'))
}
