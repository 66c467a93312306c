// Limits the memory that all request bodies hold together: those that are being read, and those of
// calls that still run. Each body has a limit of its own; a thousand at once need this one, too.
// It counts the bytes that came, not the declared ones: a client that declares much and sends
// nothing holds nothing. One key may hold at most half, or it could keep everybody else out.
import { WhenEmpty } from '#domain'
import { tooManyBodies, tooManyBodiesOfKey } from './faults.ts'

interface Body {
  /** Whose it is; null: the route asked for no key. */
  keyId: string | null
  /** The limit of this one body. */
  bytesMax: number
  /** Its Content-Length; null: it has none. */
  declaredBytes: number | null
}

export interface BodyBytes {
  held(): number
  /** A share that grows as its body does. Throws a 429 when the declared bytes do not fit now. */
  open(body: Body): BodyShare
  /** Resolves when no request with a body is being read or answered. */
  whenNone(): Promise<void>
}

export interface BodyShare {
  readonly body: Body
  /** Throws a 429 when this key's bodies, or all together, would hold too much. */
  take(bytes: number): void
  release(): void
}

const keyPart = 0.5

export function createBodyBytes(allBytesMax: number): BodyBytes {
  const keyBytesMax = allBytesMax * keyPart
  const heldByKey = new Map<string, number>()
  const emptied = new WhenEmpty(() => openCount === 0)
  let held = 0
  let openCount = 0

  /** A body that is alone always fits: a limit below the largest body would never let it in. */
  function refuseTooMany(bytes: number, mine: number, ofKey: number): void {
    if (held > mine && held + bytes > allBytesMax) throw tooManyBodies()
    if (ofKey > mine && ofKey + bytes > keyBytesMax) throw tooManyBodiesOfKey()
  }

  return {
    held: () => held,
    open(body) {
      const keyId = body.keyId ?? ''
      let mine = 0
      let isOver = false
      refuseTooMany(body.declaredBytes ?? 0, 0, heldByKey.get(keyId) ?? 0)
      openCount += 1
      return {
        body,
        take(bytes) {
          if (isOver) return
          const ofKey = heldByKey.get(keyId) ?? 0
          refuseTooMany(bytes, mine, ofKey)
          mine += bytes
          held += bytes
          heldByKey.set(keyId, ofKey + bytes)
        },
        release() {
          if (isOver) return
          isOver = true
          openCount -= 1
          held -= mine
          const ofOthers = (heldByKey.get(keyId) ?? 0) - mine
          if (ofOthers > 0) heldByKey.set(keyId, ofOthers)
          else heldByKey.delete(keyId)
          emptied.look()
        },
      }
    },
    whenNone: () => emptied.wait(),
  }
}
