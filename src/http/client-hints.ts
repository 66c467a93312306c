// The times of a call: those of the configuration, and shorter ones if the client's headers ask.
import type { IncomingHttpHeaders } from 'node:http'
import { invalidHeader } from './faults.ts'

export interface CallTimes {
  totalMs: number
  keepAliveMs: number
}

/** Clients close their sockets after 300 s without a whole answer: ours must come before. */
const wholeMsMax = 280_000

/** However impatient a client is, comments do not become a flood. */
const keepAliveMinMs = 50

export function callTimesOf(
  headers: IncomingHttpHeaders,
  isStream: boolean,
  configured: CallTimes,
): CallTimes & { waitMaxMs: number | null } {
  const asked = deadlineMs(headers)
  const headMs = lenient(headers, 'x-stainless-timeout')
  const silenceMs = lenient(headers, 'x-stainless-read-timeout') ?? headMs
  const totalMs = Math.min(configured.totalMs, asked ?? Number.POSITIVE_INFINITY)
  // The SDK's timeouts bound the wait for the headers and between bytes, but no stream as a whole.
  const wholeMs = Math.min(wholeMsMax, headMs ?? wholeMsMax, silenceMs ?? wholeMsMax)
  return {
    totalMs: isStream ? totalMs : Math.min(totalMs, wholeMs),
    keepAliveMs: Math.min(configured.keepAliveMs, keptAliveMs(silenceMs), keptAliveMs(headMs)),
    waitMaxMs: waitMaxMs(headers),
  }
}

function keptAliveMs(silenceMs: number | null): number {
  return silenceMs === null ? Number.POSITIVE_INFINITY : Math.max(silenceMs / 2.5, keepAliveMinMs)
}

function deadlineMs(headers: IncomingHttpHeaders): number | null {
  const name = 'x-podgate-deadline-ms'
  const given = headers[name]
  if (given === undefined) return null
  const ms = plainNumber(given)
  if (ms === null || ms === 0) throw invalidHeader(name, 'milliseconds above 0, in plain digits')
  return ms
}

/** How long the call may wait for its key's turn or for a full deployment; 0: not at all. */
function waitMaxMs(headers: IncomingHttpHeaders): number | null {
  const name = 'x-podgate-wait'
  const given = headers[name]
  if (given === undefined) return null
  const seconds = given === 'never' ? 0 : plainNumber(given)
  if (seconds === null) throw invalidHeader(name, "'never', or seconds in plain digits")
  return seconds * 1000
}

/** Digits alone: `0x10`, `1e3` and `+5` are numbers to a program and mistakes in a header. */
function plainNumber(given: string | string[]): number | null {
  return /^\d{1,100}$/.test(String(given)) ? Number(given) : null
}

/** The SDK sends it by itself, so a value that we cannot read is ignored, not refused. */
function lenient(headers: IncomingHttpHeaders, name: string): number | null {
  if (headers[name] === undefined) return null
  const seconds = Number(headers[name])
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : null
}
