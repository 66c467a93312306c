// The way of one call: in which order things become known, and how a call ends that got no answer.
import { describe, expect, test } from 'vitest'
import { Fault, type UpstreamEvent } from '#src/domain/index.ts'
import type { RecordingClient } from '../support/recording-client.ts'
import { type Opened, scriptedAnswer, silentAnswer } from '../support/scripted-deployment.ts'
import { brokenOff, done, eventsIn, finished, released, said, startCall } from './one-call.ts'

const gone = new Fault('client_gone', { message: 'It left.', started: 'maybe' })

test('the ledger has the row before the metrics, the log and the client’s last words', async () => {
  const one = startCall()
  const open = await one.deployment.nextOpen()
  open.resolve(scriptedAnswer([said('Hi'), finished(), done]))
  await one.ended
  const order = one.happened.map((what) => what.split(' ').slice(0, 2).join(' '))
  expect(order).toEqual([
    ...['begin', 'write data:', 'write data:'],
    ...['ledger begins', 'ledger', 'metrics', 'log', 'end :'],
  ])
  expect(one.records).toHaveLength(1)
  expect(Object.isFrozen(one.records[0])).toBe(true)
})

describe('a ledger that cannot be written', () => {
  const lost = new Fault('ledger_unavailable', { message: 'No ledger.', retryAfterMs: 5000 })
  const ledger = { state: () => 'ok' as const, append: () => Promise.reject(lost) }
  /** In metrics and log as in the row that is written when it can be. */
  const failed = { outcome: 'failed', fault: 'ledger_unavailable', errorCode: 'ledger_unavailable' }

  test('turns a whole answer into a fault', async () => {
    const one = startCall({ body: { stream: false }, ports: { ledger } })
    const open = await one.deployment.nextOpen()
    const value = { choices: [{ index: 0, message: {}, finish_reason: 'stop' }] }
    open.resolve(scriptedAnswer([{ kind: 'whole', text: JSON.stringify(value), value }]))
    await one.ended
    expect(one.client.status).toBe(503)
    expect(one.client.headers['retry-after']).toBe('5')
    expect(one.faults).toEqual([lost])
    expect(one.happened).toEqual(['metrics', 'log', 'answer 503'])
    expect(one.records).toMatchObject([{ ...failed, status: 503, chargeNanoUsd: 0 }])
  })

  test('changes nothing for a call that had failed: all hear of the same fault', async () => {
    const one = startCall({ body: { stream: false }, ports: { ledger } })
    const open = await one.deployment.nextOpen()
    open.reject(new Fault('upstream_bad_answer', { message: 'It failed.', started: 'maybe' }))
    await one.ended
    expect(one.client.status).toBe(502)
    expect(one.records[0]).toMatchObject({ status: 502, fault: 'upstream_bad_answer' })
    expect(one.faults).toMatchObject([{ kind: 'upstream_bad_answer' }])
  })

  test('turns the end of a stream into an error event', async () => {
    const one = startCall({ ports: { ledger } })
    const open = await one.deployment.nextOpen()
    open.resolve(scriptedAnswer([said('Hi'), finished(), done]))
    await one.ended
    const events = eventsIn(one.client.text())
    expect(JSON.parse(events.at(-1) ?? '').error.code).toBe('ledger_unavailable')
    expect(one.client.text()).not.toContain('[DONE]')
    // What had been delivered by then is charged.
    expect(one.records).toMatchObject([{ ...failed, status: 200, chargeNanoUsd: 100 }])
  })
})

describe('a call that is refused', () => {
  const notFound = new Fault('model_not_found', { message: 'No such model.', param: 'model' })

  test('leaves a log line and a metric, and no row', async () => {
    const resolveRoute = () => {
      throw notFound
    }
    const one = startCall({ ports: { resolveRoute } })
    await one.ended
    expect(one.happened).toEqual(['metrics', 'log', 'answer 404'])
    expect(one.client.headers).toMatchObject({ 'x-request-id': 'req_1', 'x-should-retry': 'false' })
    expect(one.records[0]).toMatchObject({ outcome: 'refused', status: 404, attempts: 0 })
    expect(one.attempts).toEqual([])
  })

  test('for its rate is told exactly when to come back', async () => {
    const refused = new Fault('rate_requests', { message: 'm', retryAfterMs: 1234 })
    const one = startCall({ reserve: () => Promise.reject(refused) })
    await one.ended
    expect(one.client.status).toBe(429)
    expect(one.client.headers).toMatchObject({
      'retry-after': '2',
      'retry-after-ms': '1234',
      'x-podgate-eta-ms': '1234',
    })
    expect(one.records[0]?.outcome).toBe('refused')
  })

  test('is a refusal even when its client has left: there is no row', async () => {
    const refused = new Fault('rate_requests', { message: 'm', retryAfterMs: 1234 })
    const late = Promise.withResolvers<never>()
    const one = startCall({ reserve: () => late.promise })
    one.client.abandon(new Fault('client_gone', { message: 'm' }))
    late.reject(refused)
    await one.ended
    expect(one.records[0]).toMatchObject({ outcome: 'refused', errorCode: 'client_gone' })
    expect(one.happened).toEqual(['metrics', 'log', 'cut'])
  })

  test('by a mistake of ours says no word of it', async () => {
    const resolveRoute = () => {
      throw new TypeError('secret-canary is not a function')
    }
    const one = startCall({ ports: { resolveRoute } })
    await one.ended
    expect(one.client.status).toBe(500)
    expect(one.client.text()).not.toContain('canary')
    expect(one.faults[0]).toMatchObject({ kind: 'internal', cause: expect.any(TypeError) })
  })
})

describe('a deadline that passes', () => {
  test('in the line ends the call with 504, and leaves the line', async () => {
    const one = startCall({ capacity: 0, body: { stream: false } })
    await one.clock.advance(599_999)
    expect(one.happened).toEqual([])
    await one.clock.advance(1)
    await one.ended
    expect(one.client.status).toBe(504)
    expect(one.records[0]).toMatchObject({ outcome: 'timeout', attempts: 0, durationMs: 600_000 })
    one.deployment.setCapacity(1)
    expect(one.deployment.opened).toHaveLength(0)
  })

  test('in the middle of a stream is one error event', async () => {
    const one = startCall()
    const open = await one.deployment.nextOpen()
    const answer = scriptedAnswer([said('Hi')])
    const next = answer.next
    const late = new Promise<never>((_resolve, reject) => {
      open.context.signal.addEventListener('abort', () => reject(open.context.signal.reason))
    })
    let asked = 0
    open.resolve({
      ...answer,
      next: () => {
        asked += 1
        return asked === 1 ? next() : late
      },
    })
    await one.clock.advance(600_000)
    await one.ended
    const events = eventsIn(one.client.text())
    expect(events).toHaveLength(2)
    expect(JSON.parse(events[1] ?? '').error.code).toBe('deadline_exceeded')
    expect(one.records[0]).toMatchObject({ outcome: 'timeout', status: 200 })
  })
})

describe('a call whose upstream was full', () => {
  const full = new Fault('overloaded', { message: 'Of the upstream.', turnedAway: 'full' })

  async function turnedAway(fault = full) {
    const one = startCall({ deadlineMs: 1_000 })
    const open = await one.deployment.nextOpen()
    open.context.onReleased(released)
    open.reject(fault)
    await one.clock.advance(1)
    return one
  }

  test('hears what the upstream said when the deadline passes in the line', async () => {
    const said = { message: 'Of the upstream.', retryAfterMs: 5_000 }
    const cold = new Fault('overloaded', { ...said, turnedAway: 'cold' })
    const one = await turnedAway(cold)
    await one.clock.advance(1_000)
    await one.ended
    expect(one.client.status).toBe(429)
    expect(one.faults).toEqual([cold])
  })

  test('hears it also when the deadline passes during another attempt', async () => {
    const one = await turnedAway()
    await one.clock.advance(400)
    const { context, reject } = await one.deployment.nextOpen()
    context.signal.addEventListener('abort', () => reject(context.signal.reason))
    await one.clock.advance(1_000)
    context.onReleased(released)
    await one.ended
    expect(one.faults).toEqual([full])
    expect(one.attempts).toMatchObject([{ fault: 'overloaded' }, { fault: 'deadline' }])
  })

  test('hears it when it has waited for that upstream long enough', async () => {
    const one = startCall({ waitMaxMs: 0 })
    const open = await one.deployment.nextOpen()
    open.context.onReleased(released)
    open.reject(full)
    await one.ended
    expect(one.faults).toEqual([full])
  })

  test('has left, when it left, whatever the upstream said', async () => {
    const one = await turnedAway()
    one.client.abandon(gone)
    await one.ended
    expect(one.records[0]).toMatchObject({ outcome: 'client_gone', fault: 'client_gone' })
  })

  test('times out as any other when the deadline passes in its answer', async () => {
    const one = await turnedAway()
    await one.clock.advance(400)
    const { context, resolve } = await one.deployment.nextOpen()
    const answer = silentAnswer([said('Hi')])
    context.signal.addEventListener('abort', () => answer[Symbol.dispose]())
    resolve(answer)
    await one.clock.advance(1_000)
    context.onReleased(released)
    await one.ended
    expect(one.records[0]).toMatchObject({ outcome: 'timeout', fault: 'deadline' })
  })
})

describe('a call that is over', () => {
  const refused = () => new Fault('upstream_refused', { message: 'm' })

  /* biome-ignore format: a table reads as a table */
  test.each<[string, (open: Opened, client: RecordingClient) => void]>([
    ['was answered',             (open) => open.resolve(scriptedAnswer([said('Hi'), finished(), done]))],
    ['failed before its answer', (open) => open.reject(refused())],
    ['failed in its answer',     (open) => open.resolve(scriptedAnswer([said('Hi'), brokenOff()]))],
    ['was left', (open, client) => { client.abandon(gone); open.reject(gone) }],
  ])('because it %s leaves no timer, and says no more', async (_how, end) => {
    const one = startCall()
    end(await one.deployment.nextOpen(), one.client)
    await one.ended
    expect(one.clock.pending()).toBe(0)
    const heard = one.happened.length
    await one.clock.advance(600_000)
    expect(one.happened).toHaveLength(heard)
  })
})

describe('a client that leaves', () => {
  test('while it waits in line leaves the line, without a word', async () => {
    const one = startCall({ capacity: 0 })
    await one.clock.advance(10)
    one.client.abandon(gone)
    await one.ended
    expect(one.happened).toEqual(['ledger begins', 'ledger', 'metrics', 'log', 'cut'])
    expect(one.records[0]).toMatchObject({ outcome: 'client_gone', attempts: 0, chargeNanoUsd: 0 })
  })

  test.each([
    ['proven', false],
    ['hoped', true],
  ] as const)(
    'while its answer is made (%s) may leave an orphan: %s',
    async (cancellation, orphan) => {
      const one = startCall({ cancellation })
      const open = await one.deployment.nextOpen()
      one.client.abandon(gone)
      open.reject(gone)
      await one.ended
      expect(one.records[0]).toMatchObject({ outcome: 'client_gone', possibleOrphan: orphan })
      expect(one.attempts).toEqual([])
      await one.clock.advance(2500)
      open.context.onReleased(
        orphan
          ? { how: 'held', cancellation: 'hoped' }
          : { how: 'destroyed', cancellation: 'proven' },
      )
      expect(one.attempts).toMatchObject([
        {
          result: 'abandoned',
          fault: 'client_gone',
          wastedSeconds: 2.5,
          wasteReason: orphan ? 'orphan' : 'client_gone',
        },
      ])
    },
  )

  test.each<[string, (end: PromiseWithResolvers<UpstreamEvent | null>) => void]>([
    ['breaks because of it', (end) => end.reject(gone)],
    ['still says its end', (end) => end.resolve(done)],
    ['just ends', (end) => end.resolve(null)],
  ])('after its last choice has left its call, when its server %s', async (_how, say) => {
    const one = startCall()
    const open = await one.deployment.nextOpen()
    const told = scriptedAnswer([said('Hello'), finished()])
    const end = Promise.withResolvers<UpstreamEvent | null>()
    let asked = 0
    open.resolve({
      ...told,
      next: () => {
        asked += 1
        return asked > 2 ? end.promise : told.next()
      },
    })
    await one.clock.advance(1)
    one.client.abandon(gone)
    say(end)
    await one.ended
    expect(one.happened.at(-1)).toBe('cut')
    expect(one.client.text()).not.toContain('[DONE]')
    expect(one.records[0]).toMatchObject({ outcome: 'client_gone', fault: 'client_gone' })
  })
})
