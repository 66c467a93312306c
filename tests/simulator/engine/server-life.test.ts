// A simulated vLLM server stops, dies, or has a full queue. Its clients must hear what was
// recorded of a real one.
import { describe, expect, test } from 'vitest'
import { createFakeClock } from '../../support/fake-clock.ts'
import { ask, talk } from '../support/asking.ts'
import { engineFor } from '../support/engine-server.ts'
import { bodyText, orderOf, readEvents, readRecorded, recordedVllm } from '../support/recording.ts'

const timing = { stepMs: 10, stepPerSequenceMs: 0, prefillMsPer1k: 0 }

function started(engine: object = {}, more: object = {}) {
  const clock = createFakeClock()
  const model = { model: 'smollm2-135m', contextTokens: 4096, timing, engine }
  return { clock, engine: engineFor({ model, clock, ...more }) }
}

interface RecordedCall {
  name?: string
  status: number
  body?: string
  chunks?: [number | string, string][]
}
interface RecordedFault {
  calls: RecordedCall[]
  serverExit: { code: number; afterSeconds: number }
}

/** The last events of a recorded stream, and what a whole answer and a new call got. */
function recorded(name: string) {
  const { calls, serverExit } = readRecorded(`faults/${name}`) as RecordedFault
  const lastWords = (calls[0]?.chunks ?? []).map(([, text]) => text).filter((text) => text !== '')
  return {
    lastTwo: lastWords.slice(-2),
    whole: calls[1]?.chunks?.[0]?.[1],
    refused: calls.find(({ status }) => status === 503),
    newCall: calls[2]?.chunks?.[0]?.[1],
    exitMs: serverExit?.afterSeconds * 1000,
  }
}

test('an answer without a token has the events of the recorded empty answer', async () => {
  const { clock, engine } = started()
  const asked = ask(engine, talk(50, { stream: true }), { tokens: 0 })
  await clock.advance(1000)
  const theirs = readEvents(bodyText(recordedVllm('stream-empty-answer')))
  expect(orderOf(readEvents(asked.text))).toEqual(orderOf(theirs))
})

test('a server that is taken away says nothing more and waits for nothing', async () => {
  const { clock, engine } = started()
  const asked = [
    ask(engine, talk(50, { stream: true })),
    ask(engine, talk(50, { stream: true }), { slowFirstMs: 60_000 }),
  ]
  await clock.advance(50)
  const said = asked.map(({ text }) => text)
  engine.close()
  expect(clock.pending()).toBe(0)
  expect(asked.map(({ text }) => text)).toEqual(said)
})

describe('a server that is told to stop', () => {
  test('drops its calls with the recorded words and is gone within a second', async () => {
    const { clock, engine } = started()
    const real = recorded('sigterm')
    const stream = ask(engine, talk(500, { stream: true }))
    const whole = ask(engine, talk(500))
    await clock.advance(1000)
    let exitedMs = 0
    engine.terminate(() => {
      exitedMs = clock.ticksMs()
    })
    expect(stream.events.slice(-2)).toEqual(real.lastTwo)
    expect([whole.status, whole.text]).toEqual([500, real.whole])
    const before = stream.text
    await clock.advance(1000)
    expect(exitedMs - 1000).toBe(real.exitMs)
    expect([stream.text, engine.load().running, engine.phase()]).toEqual([before, 0, 'gone'])
    expect(ask(engine, talk(1)).broken).toBe(true)
  })

  test('with a shutdown timeout lets calls go on, refuses new ones, and is healthy', async () => {
    const { clock, engine } = started({ shutdownTimeoutMs: 20_000 })
    const real = recorded('sigterm-drain')
    const short = ask(engine, talk(100, { stream: true }))
    const long = ask(engine, talk(4000, { stream: true }))
    const whole = ask(engine, talk(4000))
    await clock.advance(500)
    engine.terminate(() => {})
    const late = ask(engine, talk(5))
    expect([late.status, late.text]).toEqual([503, real.newCall])
    expect(ask(engine, null, { path: '/health' }).status).toBe(200)
    await clock.advance(19_900)
    expect(short.text).toContain('"finish_reason":"length"')
    expect([long.ended, engine.phase()]).toEqual([false, 'draining'])
    await clock.advance(200)
    expect(long.events.slice(-2)).toEqual(real.lastTwo)
    expect([whole.status, whole.text]).toEqual([500, real.whole])
  })

  test('ends as soon as its last call has ended', async () => {
    const { clock, engine } = started({ shutdownTimeoutMs: 20_000 })
    const last = ask(engine, talk(100))
    await clock.advance(500)
    let exited = false
    engine.terminate(() => {
      exited = true
    })
    await clock.advance(1500)
    expect([last.status, exited]).toEqual([200, true])
  })
})

test('an engine that dies fails its calls as recorded; until the end /health is 503', async () => {
  const { clock, engine } = started()
  const real = recorded('engine-killed')
  const stream = ask(engine, talk(500, { stream: true }))
  const whole = ask(engine, talk(500))
  const waiting = ask(engine, talk(500, { stream: true }))
  await clock.advance(300)
  engine.die(() => {})
  expect(stream.text.split('\n\n').slice(-3)).toEqual(real.lastTwo.join('').split('\n\n').slice(-3))
  expect([whole.status, whole.text, waiting.ended]).toEqual([500, real.whole, true])
  expect(ask(engine, null, { path: '/health' }).status).toBe(503)
  expect(ask(engine, talk(1)).status).toBe(500)
})

describe('a limit for the queue', () => {
  test('refuses with the recorded words, and takes calls again when one has ended', async () => {
    const { clock, engine } = started({ queuedRequestsMax: 2 })
    const two = [ask(engine, talk(20, { stream: true })), ask(engine, talk(20, { stream: true }))]
    for (const stream of [true, false]) {
      const third = ask(engine, talk(20, { stream }))
      expect([third.status, third.text]).toEqual([503, recorded('queue-full').refused?.body])
    }
    await clock.advance(1000)
    expect(two.map(({ ended }) => ended)).toEqual([true, true])
    expect(ask(engine, talk(20, { stream: true })).status).toBe(200)
  })

  test('may also count prompt tokens', () => {
    const { engine } = started({ queuedTokensMax: 40 })
    const words = (count: number) => [{ role: 'user', content: 'word '.repeat(count) }]
    ask(engine, { messages: words(10), stream: true })
    expect(ask(engine, { messages: words(30), stream: true }).status).toBe(503)
  })

  test('is not known before 0.32', () => {
    const { engine } = started({ queuedRequestsMax: 1, version: '0.31.9' })
    const both = [1, 2].map(() => ask(engine, talk(20, { stream: true })).status)
    expect(both).toEqual([200, 200])
    expect(ask(engine, null, { path: '/version' }).text).toBe('{"version":"0.31.9"}')
  })

  test('a call that is stopped makes room', () => {
    const { engine } = started({ queuedRequestsMax: 1 })
    ask(engine, talk(20, { stream: true })).stop()
    expect(ask(engine, talk(20, { stream: true })).status).toBe(200)
  })
})

describe('a cancellation that is lost', () => {
  const lossy = { lostCancelShare: 1 }

  test('leaves the engine at work although nothing more is said', async () => {
    const { clock, engine } = started({}, lossy)
    const asked = ask(engine, talk(1000, { stream: true }), { cancelCanFail: true })
    await clock.advance(500)
    asked.stop()
    const said = asked.text
    const made = engine.generatedTokens()
    await clock.advance(2000)
    expect(engine.load().running).toBe(1)
    expect(engine.generatedTokens() - made).toBeGreaterThan(100)
    expect([asked.text, asked.ended]).toEqual([said, false])
  })

  test.each([
    ['a client of the server itself that left', { stream: true }, false],
    ['a whole answer', {}, true],
  ])('never happens to %s', async (_, more, cancelCanFail) => {
    const { clock, engine } = started({}, lossy)
    const asked = ask(engine, talk(1000, more), { cancelCanFail })
    await clock.advance(500)
    asked.stop()
    expect(engine.load().running).toBe(0)
  })

  test('happens as often as it is set to', async () => {
    const { clock, engine } = started({}, { lostCancelShare: 1 / 19, seqsMax: 2000 })
    const calls = Array.from({ length: 950 }, () =>
      ask(engine, talk(4000, { stream: true }), { cancelCanFail: true }),
    )
    await clock.advance(20)
    for (const call of calls) call.stop()
    expect(engine.load().running).toBeGreaterThan(25)
    expect(engine.load().running).toBeLessThan(80)
  })
})

test('the same seed at the same moment gives the same ids, another engine others', async () => {
  const idOf = async () => {
    const { clock, engine } = started()
    const asked = ask(engine, talk(1))
    await clock.advance(100)
    return (JSON.parse(asked.text) as { id: string }).id
  }
  const [one, again] = [await idOf(), await idOf()]
  expect(one).toMatch(/^chatcmpl-[\da-f]{16}$/)
  expect(again).toBe(one)
})
