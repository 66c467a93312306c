// A thousand clients that leave at any moment, on any surface: no place is lost, no record missing.
import { expect, test } from 'vitest'
import { systemClock } from '#src/domain/index.ts'
import type { ClientCall, Leaving } from '../support/client-call.ts'
import { attemptRows, callRows } from '../support/ledger-rows.ts'
import {
  type Asking,
  allSurfaces,
  answerGood,
  askedOf,
  askings,
  readAnswer,
  streamAskings,
  wholeAskings,
} from '../support/openai-surfaces.ts'
import {
  beginStream,
  startUpstream,
  type UpstreamCall,
  usageOf,
} from '../support/scripted-upstream.ts'
import { type Random, seededRandom } from '../support/seeded-random.ts'
import { kinds, modelAt, startTestGateway, type TestGateway } from '../support/test-gateway.ts'

const aborts = 1_000
/** Far above what it takes: it is the suite's busiest test, and other files run beside it. */
const timeoutMs = 60_000
const atOnce = 40
const together = 'answer when all are here'
const manySlots = 8

test.each(kinds)(
  'a thousand clients that leave %s at any moment cost no place',
  { timeout: timeoutMs },
  async (kind) => {
    const gathering = createGathering()
    await using upstream = await startUpstream((call) => {
      if (!gathering.takes(call)) misbehave(call)
    })
    const at = { baseUrl: upstream.url, kind }
    await using gateway = await startTestGateway({
      clock: systemClock,
      ...at,
      models: [
        modelAt({ ...at, slots: 1 }, 'one', 'one-place'),
        modelAt({ ...at, slots: manySlots }, 'many', 'many-places'),
      ],
      config: { relay: { keepAliveMs: 30 } },
    })
    const random = seededRandom(1795271535)
    let left = aborts
    const leaving = async () => {
      while (left > 0) {
        left -= 1
        await abortOnce(gateway, random)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, leaving))

    await expectConcurrent({ gateway, gathering }, 'one', 1)
    await expectConcurrent({ gateway, gathering }, 'many', manySlots)
    await gateway.gateway.close()

    const calls = callRows(gateway.ledgerPath)
    expect(new Set(calls.map(({ surface }) => surface))).toEqual(new Set(allSurfaces))
    const accepted = gateway
      .logLines()
      .filter(({ event, outcome }) => event === 'call' && outcome !== 'refused')
    const ids = (rows: Record<string, unknown>[]) => rows.map(({ request_id }) => request_id).sort()
    expect(ids(calls)).toEqual(ids(accepted))
    expect(calls.length).toBeGreaterThan(aborts / 2)
    const attempts = attemptRows(gateway.ledgerPath)
    const told = calls.reduce((sum, call) => sum + Number(call.attempts), 0)
    expect(attempts).toHaveLength(told)
    expect(new Set(calls.map(({ outcome }) => outcome))).toEqual(new Set(['client_gone', 'ok']))
  },
)

interface Scene {
  gateway: TestGateway
  gathering: ReturnType<typeof createGathering>
}

/** Calls that are answered only together. */
function createGathering() {
  const here: UpstreamCall[] = []
  let tell = () => {}
  return {
    takes(call: UpstreamCall): boolean {
      if (askedOf(call).prompt !== together) return false
      here.push(call)
      tell()
      return true
    },
    of: (count: number) =>
      new Promise<UpstreamCall[]>((resolve) => {
        tell = () => {
          if (here.length >= count) resolve(here.splice(0))
        }
        tell()
      }),
  }
}

/** How the upstream behaves is the prompt, so that each call brings its own trouble. */
const behaviours = ['silent', 'headers', 'events', 'flood', 'good'] as const

function misbehave(call: UpstreamCall): void {
  const { response } = call
  const { prompt: behaviour, words } = askedOf(call)
  if (behaviour === 'silent') return
  if (behaviour === 'good') return answerGood(call)
  if (words !== null) beginStream(call)
  else response.writeHead(200, { 'content-type': 'application/json' })
  response.flushHeaders()
  if (behaviour === 'headers' || words === null) return
  const content = 'x'.repeat(behaviour === 'flood' ? 20_000 : 5)
  for (let tokens = 1; tokens < 100; tokens += 1) {
    response.write(words.chunk(content, { usage: usageOf(11, tokens) }))
  }
}

async function abortOnce(gateway: TestGateway, random: Random): Promise<void> {
  const model = random(10) < 3 ? 'one' : 'many'
  const behaviour = behaviours[random(behaviours.length)] ?? 'silent'
  const asked = random(4) > 0 ? streamAskings : wholeAskings
  const { path, body } = asked[random(asked.length)] as Asking
  const client = gateway.open(body({ model }, behaviour), { reads: behaviour !== 'flood' }, path)
  const ways: Leaving[] = ['close', 'reset', 'half-close']
  await moment(client, random)
  client.leave(ways[random(ways.length)] ?? 'close')
  // One that does not read never sees its connection end.
  client.read()
  await client.ended
}

/** Some leave at a sign of life, some after a while that is counted in turns of the event loop. */
async function moment(client: ClientCall, random: Random): Promise<void> {
  if (random(4) === 0) return void (await client.socket)
  const turns = random(150)
  const yes = () => true
  const head = random(3) === 0 ? client.head.then(yes, yes) : null
  for (let turn = 0; turn < turns; turn += 1) {
    const next = new Promise<boolean>((resolve) => setImmediate(() => resolve(false)))
    if (await (head === null ? next : Promise.race([head, next]))) return
  }
}

/** So many calls run at the same moment: each is answered only when all of them are there. */
async function expectConcurrent(
  { gateway, gathering }: Scene,
  model: string,
  places: number,
): Promise<void> {
  const ask = ({ path, body }: Asking, prompt: string) =>
    gateway.open(body({ model }, prompt), {}, path)
  const at = (place: number) => askings[place % askings.length] as Asking
  // The first wakes a deployment that has gone to sleep.
  expect(await ask(at(0), 'good').ended).toBe('whole')
  const clients = Array.from({ length: places }, (_, place) => ask(at(place), together))
  const running = await gathering.of(places)
  for (const call of running) answerGood(call)
  for (const [place, client] of clients.entries()) {
    expect(await client.ended).toBe('whole')
    expect(readAnswer(at(place), client.text())).toMatchObject({ isComplete: true })
  }
}
