// A gateway with one place in front of a server that misbehaves, and everything that must hold
// whatever the server does: the client sees an end that our table knows, nothing foreign reaches it
// or the log, one row tells of the call, and the place is free for the next.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect } from 'vitest'
import { faultKinds } from '#src/domain/index.ts'
import { canary, found } from '../support/canaries.ts'
import { contentOf, eventsOf } from '../support/client-call.ts'
import { wholeAnswer } from '../support/scripted-upstream.ts'
import {
  chat,
  type GatewayUnderTest,
  type kinds,
  startTestGateway,
  type TestGateway,
} from '../support/test-gateway.ts'
import { type RawServer, type Says, startRawServer, whole } from './raw-server.ts'

/** Text of the server's own, which must get nowhere. */
export const foreign = canary('upstream', '<b>', '</b>')

/** How a call must end for its client. */
type Ends =
  /** A complete answer with this content. */
  | { content: string }
  /** A whole error envelope. */
  | { status: number; code: string }
  /** A stream that broke after this content. */
  | { after: string; code: string }

export interface Behaviour {
  says: Says
  ends: Ends
  /** What is asked for: a stream, unless it says otherwise. */
  isWhole?: boolean
  extra?: Record<string, unknown>
  /** Requests that the server sees of the one call. */
  tries?: number
}

interface Seen {
  status: number
  headers: Record<string, unknown>
  text: string
  log: string
}

export interface Rig {
  server(): RawServer
  gateway(): TestGateway
  /** Makes a call of it and checks everything that must hold, the next call included. */
  meets(behaviour: Behaviour): Promise<Seen>
  /** The same without the next call, for those who make it themselves. */
  ends(behaviour: Behaviour): Promise<Seen>
  /** Makes a call of it, and checks nothing. */
  sees(behaviour: Omit<Behaviour, 'ends'>): Promise<Seen>
}

type Config = GatewayUnderTest['config']

/** For the tests of the describe in which it is called. */
export function hostileRig(kind: (typeof kinds)[number], config: Config = {}): Rig {
  let server: RawServer
  let gateway: TestGateway
  let ledger: Database.Database
  const folder = mkdtempSync(join(tmpdir(), 'podgate-test-'))

  beforeAll(async () => {
    server = await startRawServer()
    gateway = await startTestGateway({ baseUrl: server.url, kind, slots: 1, folder, config })
    ledger = new Database(gateway.ledgerPath, { readonly: true })
  })
  afterAll(async () => {
    ledger.close()
    await gateway[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  async function sees(behaviour: Omit<Behaviour, 'ends'>): Promise<Seen> {
    const linesBefore = gateway.logLines().length
    server.says(behaviour.says)
    const body = chat({ stream: behaviour.isWhole !== true, ...behaviour.extra })
    const client = gateway.open(body)
    const { statusCode = 0, headers } = await client.head
    expect(await client.ended).toBe('whole')
    const log = JSON.stringify(gateway.logLines().slice(linesBefore))
    return { status: statusCode, headers, text: client.text(), log }
  }

  async function ends(behaviour: Behaviour): Promise<Seen> {
    const before = server.requests()
    const seen = await sees(behaviour)
    checkEnd(seen, behaviour)
    if (behaviour.tries !== undefined) expect(server.requests() - before).toBe(behaviour.tries)
    expect(found([foreign], JSON.stringify([seen.headers, seen.text, seen.log]))).toEqual([])
    expect(Object.keys(seen.headers).filter((name) => !isOurs(name))).toEqual([])
    checkRow(seen, behaviour.ends)
    return seen
  }

  async function meets(behaviour: Behaviour): Promise<Seen> {
    const seen = await ends(behaviour)
    const next = await sees({ says: whole(wholeAnswer('Next')), isWhole: true })
    expect(JSON.parse(next.text).choices[0].message.content).toBe('Next')
    checkRow(next, none)
    return seen
  }

  function checkRow({ headers }: Seen, expected: Ends): void {
    const rows = ledger
      .prepare('select * from calls where request_id = ?')
      .all(String(headers['x-request-id']))
    const code = 'code' in expected ? expected.code : null
    expect(rows).toMatchObject([{ error_code: code }])
    expect(found([foreign], JSON.stringify(rows))).toEqual([])
  }

  return { server: () => server, gateway: () => gateway, meets, ends, sees }
}

const none: Ends = { content: 'Next' }

function checkEnd(seen: Seen, { ends, isWhole = false }: Behaviour): void {
  if ('status' in ends) return checkEnvelope(seen, ends)
  expect({ status: seen.status, text: seen.text }).toMatchObject({ status: 200 })
  if (isWhole) {
    expect('content' in ends && ends.content).toBe(JSON.parse(seen.text).choices[0].message.content)
    return
  }
  // What is on any other line is not seen by whoever reads the stream.
  expect(seen.text.split('\n').filter((line) => !/^(data: |:|$)/.test(line))).toEqual([])
  const { events, isDone } = eventsOf(seen.text)
  const errors = events.filter((event) => 'error' in event)
  if ('content' in ends) {
    expect({ errors, isDone, content: contentOf(seen.text) }).toEqual({
      errors: [],
      isDone: true,
      content: ends.content,
    })
    return
  }
  expect(events.at(-1)).toMatchObject({ error: { code: ends.code } })
  expect({ errors: errors.length, isDone, content: contentOf(seen.text) }).toEqual({
    errors: 1,
    isDone: false,
    content: ends.after,
  })
}

function checkEnvelope({ status, text }: Seen, ends: { status: number; code: string }): void {
  const { error, ...rest } = JSON.parse(text)
  expect({ status, code: error.code }).toEqual(ends)
  expect(rest).toEqual({})
  expect(Object.keys(error)).toEqual(['message', 'type', 'param', 'code'])
  const kind = Object.values(faultKinds).find(({ code }) => code === error.code)
  expect({ status, type: error.type }).toEqual({ status: kind?.status, type: kind?.type })
}

const ours =
  /^(date|connection|keep-alive|transfer-encoding|content-(length|type)|cache-control|x-accel-buffering|x-request-id|x-podgate-.*|x-ratelimit-.*|retry-after(-ms)?|x-should-retry)$/

function isOurs(name: string): boolean {
  return ours.test(name)
}
