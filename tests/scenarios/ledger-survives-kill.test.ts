// Nothing that a client saw is forgotten: a gateway is killed without warning at the very moment at
// which its clients see the ends of their answers, and each of them is in the ledger, once.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { verifyLedger } from '#src/accounting/index.ts'
import { storageOptions } from '#src/storage/index.ts'
import { openCall } from '../support/client-call.ts'
import { startProcess, urlOf } from '../support/gateway-process.ts'
import { callRows } from '../support/ledger-rows.ts'
import { answerGood, askings, readAnswer } from '../support/openai-surfaces.ts'
import { startUpstream } from '../support/scripted-upstream.ts'
import { modelAt, testKey } from '../support/test-gateway.ts'

const callsOfEach = 4
const kills = 2

test('every answer that was seen complete before a kill has its row', async () => {
  await using upstream = await startUpstream(answerGood)
  const given = {
    models: [modelAt({ baseUrl: upstream.url, slots: 64 })],
    env: { API_KEYS: testKey, EXTERNAL_TEST_KEY: 'a-key-of-theirs' },
  }
  let folder: string | null = null
  const seen: string[] = []
  for (let kill = 1; kill <= kills; kill += 1) {
    const gateway = startProcess(folder === null ? given : { ...given, folder })
    folder = gateway.folder
    const url = await urlOf(gateway)
    let left = callsOfEach * askings.length
    const clients = askings.flatMap((asking) =>
      Array.from({ length: callsOfEach }, async () => {
        const headers = { authorization: `Bearer ${testKey}` }
        const client = openCall(`${url}${asking.path}`, JSON.stringify(asking.body()), { headers })
        const end = asking.stream ? 'data: [DONE]' : '}}'
        await client.seen(end)
        left -= 1
        if (left === 0) gateway.process.kill('SIGKILL')
        expect(readAnswer(asking, client.text())).toMatchObject({ isComplete: true })
        return String((await client.head).headers['x-request-id'])
      }),
    )
    seen.push(...(await Promise.all(clients)))
    expect(await gateway.exited).toBeNull()
  }
  const rows = callRows(join(folder ?? '', 'data/podgate-ledger.db'))
  expect(rows.map(({ request_id }) => request_id).sort()).toEqual(seen.sort())
  expect(new Set(rows.map(({ outcome }) => outcome))).toEqual(new Set(['ok']))
  const path = join(folder ?? '', 'data/podgate.db')
  expect(verifyLedger(storageOptions.parse({ path }), Date.now()).problems).toEqual([])
})
