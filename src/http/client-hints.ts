// What a client's headers say about its patience. They can only shorten what configuration allows.
import type { IncomingHttpHeaders } from 'node:http'
import { invalidHeader } from './faults.ts'

export interface Patience {
  totalMs: number
  keepAliveMs: number
}

/** Sockets of whole answers give up at 300 s: an answer of ours must come before. */
const wholeMsMax = 280_000

/** However impatient a client says it is, comments do not become a flood. */
const keepAliveMinMs = 50

export function patienceOf(
  headers: IncomingHttpHeaders,
  isStream: boolean,
  configured: Patience,
): Patience {
  const asked = positive(headers, 'x-podgate-deadline-ms', 1)
  const headMs = lenient(headers, 'x-stainless-timeout')
  const silenceMs = lenient(headers, 'x-stainless-read-timeout') ?? headMs
  const bounds = [configured.totalMs, asked]
  // The SDK's clocks run to the headers and between bytes: neither is a total on streams.
  if (!isStream) bounds.push(headMs, silenceMs, wholeMsMax)
  return {
    totalMs: Math.min(...bounds.filter((ms) => ms !== null)),
    keepAliveMs: Math.min(configured.keepAliveMs, keptAliveMs(silenceMs)),
  }
}

function keptAliveMs(silenceMs: number | null): number {
  return silenceMs === null ? Number.POSITIVE_INFINITY : Math.max(silenceMs / 2.5, keepAliveMinMs)
}

function positive(headers: IncomingHttpHeaders, name: string, unitMs: number): number | null {
  const text = headers[name]
  if (text === undefined) return null
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0) throw invalidHeader(name, 'a positive number')
  return value * unitMs
}

/** An SDK's own header: what we cannot read we do not need. */
function lenient(headers: IncomingHttpHeaders, name: string): number | null {
  const seconds = Number(headers[name])
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : null
}
