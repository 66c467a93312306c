// Clients that send large bodies and hang up: their places stay held, and their bodies must not.
import { expect, test } from 'vitest'
import { heldMemory } from '../support/held-memory.ts'
import { startUpstream } from '../support/scripted-upstream.ts'
import { chat, startTestGateway } from '../support/test-gateway.ts'
import { until } from '../support/until.ts'

const bodies = 20
const bodyBytes = 9_000_000
// Large in what no model reads: a text of that size would be too long.
const [small, large] = [10, bodyBytes].map((size) =>
  JSON.stringify(chat({ stream: true, user: 'x'.repeat(size) })),
)

test('none of 20 aborted bodies of 9 MB is held while their places are', async () => {
  await using upstream = await startUpstream()
  await using gateway = await startTestGateway({
    baseUrl: upstream.url,
    kind: 'runpod',
    slots: bodies + 1,
    config: { upstreams: { orphanHoldMs: 600_000 } },
  })
  const leaveOne = async (body: string | undefined) => {
    const client = gateway.open(body)
    const { response, closed } = await upstream.nextCall()
    // Its first event makes the deployment warm: it then has all of its places.
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n')
    await client.seen('Hi')
    client.leave('reset')
    await closed
    // The test's own copy of it.
    upstream.calls.length = 0
  }
  await leaveOne(small)
  const before = heldMemory()
  for (let n = 0; n < bodies; n += 1) await leaveOne(large)
  const gone = () => gateway.logLines().filter(({ outcome }) => outcome === 'client_gone')
  await until('all calls are over', () => gone().length === bodies + 1)
  const stats = await gateway.get('/resilience/stats', 'admin-key-0123456789abcdef')
  expect(await stats.json()).toMatchObject({ gates: [{ running: bodies + 1 }] })
  // What a collection lets go of outside of the heap is freed in a later turn.
  await until('the bodies are let go', () => heldMemory() - before < bodyBytes)
})
