// Servers that fall silent, or say nothing in many words: every wait has its end.
import { describe, expect, test } from 'vitest'
import {
  chunk,
  done,
  lastChunk,
  usageChunk,
  usageOf,
  wholeAnswer,
} from '../support/scripted-upstream.ts'
import { kinds } from '../support/test-gateway.ts'
import { chunked, head, neverStops, openStream, streamHead, whole } from './raw-server.ts'
import { type Behaviour, foreign, hostileRig } from './upstream-rig.ts'

const good = wholeAnswer('Hello')
const hello = chunk('Hello', { usage: usageOf(11, 1) })
const goodStream = hello + lastChunk() + usageChunk(11, 1) + done
const half = hello + lastChunk().slice(0, 40)

const content = { content: 'Hello' }
const late = { status: 504, code: 'first_byte_timeout' }
const stalledAfter = { after: 'Hello', code: 'upstream_stalled' }
const isWhole = true

/* biome-ignore format: a table reads as a table */
const silent: Record<string, Behaviour> = {
  'says nothing':                         { ends: late, says: '' },
  'says a status line, and waits':        { ends: late, says: 'HTTP/1.1 200 OK\r\n' },
  'says half of its headers, and waits':  { ends: late, says: `HTTP/1.1 200 OK\r\nX-A: ${foreign.text}` },
  'says its headers, and waits':          { ends: late, says: streamHead },
  'says half of a refusal, and waits':    { ends: late, says: `${head('500 Oh', 'Content-Length: 999')}{"error":` },
  'says half of a body, and waits':       { ends: late, says: whole(good).subarray(0, -9), isWhole },
  'promises more than it says':           { ends: late, says: head('200 OK', 'Content-Type: application/json', `Content-Length: ${good.length + 5}`) + good, isWhole },
  'says half of its first event, and waits': { ends: late, says: openStream(hello.slice(0, -1)) },
  'says comments for ever':               { ends: late, says: neverStops(streamHead, chunked(`: ${foreign.text}\n\n`)) },
  'says 103 for ever':                    { ends: late, says: neverStops('', head('103 Early Hints', `Link: ${foreign.text}`)) },
  'stops after the first token':          { ends: stalledAfter, says: openStream(hello) },
  'stops within an event':                { ends: stalledAfter, says: openStream(half) },
  'stops within a chunk':                 { ends: stalledAfter, says: openStream(half).subarray(0, -9) },
  'stops after its finish':               { ends: content, says: openStream(hello + lastChunk()) },
  'does not close after its mark of the end': { ends: content, says: openStream(goodStream) },
  'says comments after its mark of the end, for ever': { ends: content, says: neverStops(openStream(goodStream), chunked(': more\n\n')) },
}

/** Long enough for the good call that follows each. */
const short = { upstreams: { firstByteMs: 600, betweenChunksMs: 600 } }

describe.each(kinds)('in front of %s, a server that', (kind) => {
  const rig = hostileRig(kind, short)

  test.each(Object.entries(silent))('%s', async (_name, behaviour) => {
    await rig.meets({ tries: 1, ...behaviour })
  })

  test('says nothing: the log tells it as a timeout', async () => {
    await rig.meets({ says: '', ends: late, tries: 1 })
    const line = await rig.gateway().logged({ event: 'call', error_code: 'first_byte_timeout' })
    expect(line).toMatchObject({ outcome: 'timeout', status: 504, attempts: 1 })
  })
})
