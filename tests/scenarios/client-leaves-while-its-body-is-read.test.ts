// A large body is read in several turns of the event loop, and its client may leave between them.
import { expect, test } from 'vitest'
import { callRows } from '../support/ledger-rows.ts'
import { answerGood, askings } from '../support/openai-surfaces.ts'
import { startUpstream } from '../support/scripted-upstream.ts'
import { startTestGateway } from '../support/test-gateway.ts'

test.each(['half-close', 'reset'] as const)('(%s) it never reaches the upstream', async (how) => {
  const [asking] = askings
  if (asking === undefined) throw new Error('there is no surface')
  await using upstream = await startUpstream()
  await using gateway = await startTestGateway({ baseUrl: upstream.url, slots: 1 })
  const numbers = Array.from({ length: 900_000 }, (_, at) => at % 1_000)
  const client = gateway.open({ ...asking.body(), numbers }, {}, asking.path)
  await client.socket
  client.leave(how)
  await client.ended
  const next = gateway.open(asking.body(), {}, asking.path)
  const call = await upstream.nextCall()
  expect(call.body).not.toContain('numbers')
  answerGood(call)
  expect(await next.ended).toBe('whole')
  // A small body overtakes a large one that is read in turns: closed earlier, the gateway would
  // refuse what it had not read to its end.
  if (how === 'half-close') await gateway.logged({ outcome: 'client_gone' })
  await gateway.gateway.close()
  const outcomes = callRows(gateway.ledgerPath).map(({ outcome, attempts }) => [outcome, attempts])
  expect(outcomes.filter(([outcome]) => outcome !== 'ok')).toEqual(
    how === 'reset' ? [] : [['client_gone', 0]],
  )
})
