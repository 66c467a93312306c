// What may still run on a platform that does not say whether it stopped: only what was torn down.
// A call that the platform itself has ended, well or badly, is over.
import { expect, test } from 'vitest'
import { attemptRows, callRows } from '../support/ledger-rows.ts'
import {
  answerWhole,
  beginStream,
  chunk,
  event,
  type Script,
  startUpstream,
} from '../support/scripted-upstream.ts'
import { adminKey, chat, kinds, startTestGateway } from '../support/test-gateway.ts'

const failure = { error: { message: 'no', type: 'InternalServerError', param: null, code: 500 } }

const refused: Script = (call) => answerWhole(call, JSON.stringify(failure), 500)

const failedInside: Script = (call) => answerWhole(call, JSON.stringify(failure))

const failedMidStream: Script = (call) => {
  beginStream(call)
  call.response.write(chunk('Hello'))
  call.response.end(event(failure))
}

const endedShort: Script = (call) => {
  beginStream(call)
  call.response.end(chunk('Hello'))
}

const brokeMidStream: Script = (call) => {
  beginStream(call)
  call.response.write(chunk('Hello'), () => call.socket.destroy())
}

const wentSilent: Script = (call) => {
  beginStream(call)
  call.response.write(chunk('Hello'))
}

const unreadable: Script = (call) => {
  beginStream(call)
  call.response.write(`${chunk('Hello')}data: {"choices":[oops\n\n`)
}

const edgeGaveUp: Script = ({ response }) => {
  response.writeHead(524, { 'content-type': 'text/html' }).end('<html>')
}

/* biome-ignore format: a table reads as a table */
const endings: [what: string, script: Script, mayGoOn: boolean][] = [
  ['was refused with a 500',             refused,         false],
  ['failed inside a 200',                failedInside,    false],
  ['failed in the middle of its stream', failedMidStream, false],
  ['ended before it was complete',       endedShort,      false],
  ['broke off',                          brokeMidStream,  true],
  ['went silent and was given up',       wentSilent,      true],
  ['was given up by the edge',           edgeGaveUp,      true],
  ['said what nobody can read',          unreadable,      true],
]

test.each(kinds.flatMap((kind) => endings.map((one) => [kind, ...one] as const)))(
  'on %s a call that %s',
  async (kind, _what, script, mayGoOn) => {
    await using upstream = await startUpstream(script)
    const config = { upstreams: { betweenChunksMs: 100 } }
    await using gateway = await startTestGateway({ baseUrl: upstream.url, kind, config })
    const stream = script !== refused && script !== failedInside
    await gateway.open(chat({ stream })).ended
    const isOrphan = mayGoOn && kind === 'runpod'
    expect(callRows(gateway.ledgerPath)).toMatchObject([{ possible_orphan: Number(isOrphan) }])
    await gateway.gateway.close()
    const [attempt] = attemptRows(gateway.ledgerPath)
    expect(attempt?.released === 'held').toBe(isOrphan)
    expect(attempt?.waste_reason === 'orphan').toBe(isOrphan)
  },
)

test('what a deployment that was switched off still holds is written down when all ends', async () => {
  await using upstream = await startUpstream(wentSilent)
  const config = { upstreams: { orphanHoldMs: 60_000 } }
  await using gateway = await startTestGateway({ baseUrl: upstream.url, kind: 'runpod', config })
  const client = gateway.open(chat({ stream: true }))
  await client.seen('Hello')
  client.leave('close')
  await gateway.logged({ event: 'call', outcome: 'client_gone' })
  const response = await fetch(`${gateway.url}/admin/models/disable`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'test-model' }),
  })
  expect(response.status).toBe(200)
  await gateway.gateway.close()
  expect(callRows(gateway.ledgerPath)).toMatchObject([{ possible_orphan: 1 }])
  expect(attemptRows(gateway.ledgerPath)).toMatchObject([
    { released: 'held', waste_reason: 'orphan' },
  ])
})
