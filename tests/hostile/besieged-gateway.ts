// A gateway under siege: one for all cases of a file, because it must outlive each of them. After
// every case it still answers, holds nothing, and has made no mistake of its own.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { answerGood } from '../support/openai-surfaces.ts'
import {
  type ScriptedUpstream,
  startUpstream,
  type UpstreamCall,
} from '../support/scripted-upstream.ts'
import {
  chat,
  type GatewayUnderTest,
  startTestGateway,
  type TestGateway,
} from '../support/test-gateway.ts'
import { openRaw, type RawAnswer, type RawClient } from './raw-client.ts'

export interface Besieged extends AsyncDisposable {
  gateway: TestGateway
  upstream: ScriptedUpstream
  connect(): Promise<RawClient>
  /** Sends it on a connection of its own and reads the one answer. */
  ask(bytes: string | Buffer, options?: { hasBody?: boolean }): Promise<RawAnswer>
  /** It answers, holds no call and no place, and never said 500. */
  expectUnharmed(): Promise<void>
}

export async function besiege(
  config: GatewayUnderTest['config'] = {},
  script: (call: UpstreamCall) => void = answerGood,
): Promise<Besieged> {
  const folder = mkdtempSync(join(tmpdir(), 'podgate-hostile-'))
  const upstream = await startUpstream(script)
  const given = { baseUrl: upstream.url }
  const gateway = await startTestGateway({
    ...given,
    folder,
    config: {
      ...config,
      http: { failuresPerMinute: 10_000, adminPerMinute: 10_000, ...config.http },
    },
  })
  const connect = () => openRaw(gateway.url)
  let linesSeen = 0
  return {
    gateway,
    upstream,
    connect,
    async ask(bytes, options) {
      using client = await connect()
      client.send(bytes)
      return await client.answer(options)
    },
    async expectUnharmed() {
      const response = await gateway.post(chat())
      expect(response.status).toBe(200)
      await response.text()
      await untilIdle(gateway)
      const lines = gateway.logLines().slice(linesSeen)
      linesSeen += lines.length
      expect(lines.filter(({ status }) => status === 500)).toEqual([])
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await upstream[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Each look is a request of its own: what is held for good is seen after a few. */
const looksMax = 200

async function untilIdle(gateway: TestGateway): Promise<void> {
  let held = ''
  for (let looks = 0; looks < looksMax; looks += 1) {
    held = (await gateway.metrics())
      .split('\n')
      .filter((line) => /^podgate_(inflight_requests|queue_depth)[ {]/.test(line))
      .filter((line) => !line.endsWith(' 0'))
      .join('\n')
    if (held === '') return
  }
  expect(held).toBe('')
}

/** One envelope for every refusal, our id on it, and nothing of what was sent. */
export function expectRefusal(
  answer: RawAnswer,
  expected: { status: number; code?: string | null; param?: string | null },
  secret = 'hostile-text',
): void {
  const { status, headers, body } = answer
  expect({ status, body }).toMatchObject({ status: expected.status })
  expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
  expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{20,}$/)
  const { error, ...others } = JSON.parse(body)
  expect(others).toEqual({})
  expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type'])
  expect(error.message).toMatch(/^[A-Z].{5,300}$/)
  expect(error.type).toMatch(/^[a-z_]+$/)
  if (expected.code !== undefined) expect(error.code).toBe(expected.code)
  if (expected.param !== undefined) expect(error.param).toBe(expected.param)
  expect(`${JSON.stringify([...headers])}${body}`).not.toContain(secret)
}
