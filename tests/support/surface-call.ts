// A call of any surface, read from a body as a client would send it, and the faults of refusing.
import { expect } from 'vitest'
import { type Call, Fault, type UpstreamEvent } from '#src/domain/index.ts'
import { type Surface, surfaces } from '#src/surfaces/index.ts'
import { sampleKey, sampleRates } from './chat-call.ts'
import { atOnce } from './pieces.ts'

export function surfaceNamed(name: string): Surface {
  const found = surfaces.find((surface) => surface.name === name)
  if (found === undefined) throw new Error(`there is no surface ${name}`)
  return found
}

/** A text is the body as it is. */
export function callOf(surface: Surface, body: unknown): Call {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return {
    ...atOnce(surface.read(Buffer.from(text))),
    id: 'req_1',
    clientRequestId: null,
    surface: surface.name,
    key: sampleKey,
    rates: sampleRates,
    receivedAtMs: 1_700_000_000_000,
    receivedTicksMs: 0,
    deadlineTicksMs: 600_000,
    keepAliveMs: 10_000,
    waitMaxMs: null,
  }
}

export function refusalOf(work: () => unknown): Fault {
  try {
    work()
  } catch (cause) {
    expect(cause).toBeInstanceOf(Fault)
    return cause as Fault
  }
  throw new Error('it was not refused')
}

export function wholeEvent(value: Record<string, unknown>): UpstreamEvent {
  return { kind: 'whole', text: JSON.stringify(value), value }
}

export function chunkFrom(text: string): UpstreamEvent {
  return { kind: 'chunk', text, value: JSON.parse(text) }
}

/** The one event in a client's bytes. */
export function shownIn(text: string | null) {
  expect(text).toMatch(/^data: .*\n\n$/)
  return JSON.parse((text ?? '').slice('data: '.length))
}
