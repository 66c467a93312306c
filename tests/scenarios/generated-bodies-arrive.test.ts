// Generated bodies over real sockets: each is refused as its surface refuses it, or arrives as the
// bytes that its surface writes. What Python reads in twelve thousand of them is told by
// `npm run test:python`.
import { expect, test } from 'vitest'
import { surfaces } from '#src/surfaces/index.ts'
import { outcomeOf } from '../python/write-bodies.ts'
import { generatedBodies } from '../support/generated-bodies.ts'
import { answerWhole, startUpstream } from '../support/scripted-upstream.ts'
import { startTestGateway } from '../support/test-gateway.ts'

test('a generated body is refused, or arrives as it was read', async () => {
  const said = JSON.stringify({ error: { message: 'seen', type: 'BadRequestError', code: 400 } })
  await using upstream = await startUpstream((call) => answerWhole(call, said, 400))
  await using gateway = await startTestGateway({ baseUrl: upstream.url })
  let arrived = 0
  for (const body of generatedBodies(7, 300)) {
    const path = surfaces.find(({ name }) => name === body.surface)?.path
    const { status } = await gateway.post(body.bytes.toString(), {}, path)
    expect(status).toBe(400)
    const calls = upstream.calls.splice(0)
    const { refused, upstream: expected } = outcomeOf(body)
    if (refused !== undefined) expect(calls).toEqual([])
    // The model's own rules come later: some is read, and refused then.
    if (calls.length === 0) continue
    arrived += 1
    const bytes = calls.map((call) => Buffer.from(call.body).toString('base64'))
    expect(bytes).toEqual([expected])
  }
  expect(arrived).toBeGreaterThan(100)
})
