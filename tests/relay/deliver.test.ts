// How an answer reaches its client, and how it ends.
import { describe, expect, test } from 'vitest'
import { Fault, type UpstreamEvent } from '#src/domain/index.ts'
import { chunkEvent, scriptedAnswer, silentAnswer } from '../support/scripted-deployment.ts'
import {
  brokenOff,
  done,
  eventsIn,
  finished,
  type GivenCall,
  released,
  said,
  startCall,
  usage,
  whole,
} from './one-call.ts'

async function answered(script: readonly (UpstreamEvent | Error)[], given?: GivenCall) {
  const one = startCall(given)
  const answer = scriptedAnswer(script)
  const open = await one.deployment.nextOpen()
  open.resolve(answer)
  await one.ended
  open.context.onReleased(released)
  return { ...one, answer, events: eventsIn(one.client.text()) }
}

function isError(text: string | undefined): unknown {
  return JSON.parse(text ?? '{}').error
}

describe('a stream', () => {
  test('is its content, a comment with what is known by then, and the mark of the end', async () => {
    const { client, events, records, answer } = await answered([
      said('Hel'),
      said('lo'),
      finished(),
      usage(9, 2),
      done,
    ])
    expect(events).toHaveLength(4)
    expect(events[3]).toBe('[DONE]')
    const tail = client.text().split('\n\n').slice(-3)
    expect(tail[0]).toMatch(/^: podgate \{"model":"asked","deployment":"deployment-1"/)
    expect(tail.slice(1)).toEqual(['data: [DONE]', ''])
    expect(client.headers['x-request-id']).toBe('req_1')
    expect(records[0]).toMatchObject({ outcome: 'ok', status: 200, chargeNanoUsd: 290 })
    expect(answer.disposals()).toBe(1)
  })

  test('gets its mark of the end where the upstream forgot it', async () => {
    const { events, records } = await answered([said('Hello'), finished()])
    expect(events.at(-1)).toBe('[DONE]')
    expect(records[0]?.outcome).toBe('ok')
  })

  test('that broke after every choice had finished is complete', async () => {
    const { events, records } = await answered([said('Hello'), finished(), brokenOff()])
    expect(events.at(-1)).toBe('[DONE]')
    expect(records[0]).toMatchObject({ outcome: 'ok', fault: null })
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['ended without a reason',        [said('Hello')],                              {}],
    ['said its end without a reason', [said('Hello'), done],                        {}],
    ['finished one choice of two',    [said('Hello'), finished(1), done],           { n: 2 }],
    ['broke',                         [said('Hello'), brokenOff()],                 {}],
    ['broke with one choice of two',  [said('Hello'), finished(0), brokenOff()],    { n: 2 }],
  ])('that %s ends in one error event, and nothing after it', async (_what, script, body) => {
    const { events, client, records, answer } = await answered(script, { body })
    expect(isError(events.at(-1))).toMatchObject({ type: 'upstream_error', code: 'upstream_cut' })
    expect(events.filter((event) => isErrorEvent(event))).toHaveLength(1)
    expect(client.text()).not.toContain('[DONE]')
    expect(records[0]).toMatchObject({ outcome: 'failed', status: 200, errorCode: 'upstream_cut' })
    expect(answer.disposals()).toBe(1)
  })

  test('whose server falls silent and breaks took none of our own time', async () => {
    const one = startCall()
    const open = await one.deployment.nextOpen()
    const answer = silentAnswer([said('Hello')])
    open.resolve(answer)
    await one.clock.advance(7_000)
    answer[Symbol.dispose]()
    await one.ended
    open.context.onReleased(released)
    expect(one.records[0]).toMatchObject({ durationMs: 7_000, overheadMs: 0 })
  })

  test('whose events come together is written in one piece, up to a bound', async () => {
    const written = async (script: readonly UpstreamEvent[]) => {
      const one = startCall()
      const open = await one.deployment.nextOpen()
      open.resolve(scriptedAnswer([...script, finished(), done], true))
      await one.ended
      open.context.onReleased(released)
      expect(eventsIn(one.client.text())).toHaveLength(script.length + 2)
      return one.happened.filter((what) => what.startsWith('write ')).length
    }
    expect(await written([said('one'), said('two'), said('three')])).toBe(1)
    const large = Array.from({ length: 8 }, () => said('x'.repeat(5_000)))
    expect(await written(large)).toBe(3)
  })

  test('holds nothing back for what is not there yet, whatever came with it', async () => {
    const one = startCall()
    const open = await one.deployment.nextOpen()
    // Usage that is not asked for says nothing, and comes in the packet of what was said.
    open.resolve(silentAnswer([said('Hello'), finished(), usage(9, 1)], true))
    await one.clock.advance(0)
    expect(eventsIn(one.client.text())).toHaveLength(2)
    await one.clock.advance(5_000)
    await one.ended
    open.context.onReleased(released)
    expect(eventsIn(one.client.text()).at(-1)).toBe('[DONE]')
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['the deadline passes',  'deadline',   true],
    ['the process stops',    'draining',   true],
    ['the key is closed',    'wrong_key',  true],
    ['the client leaves',    'client_gone', false],
  ] as const)('loses nothing that had come when %s', async (_what, kind, isHeard) => {
    const one = startCall()
    const open = await one.deployment.nextOpen()
    const answer = silentAnswer([said('Hello'), said('you')], true)
    const abandon = () => one.client.abandon(new Fault(kind, { message: 'm' }))
    open.resolve({
      ...answer,
      hasMore: () => {
        // In the middle of the packet.
        abandon()
        return answer.hasMore()
      },
    })
    await one.ended
    open.context.onReleased(released)
    expect(one.client.text().includes('Hello')).toBe(isHeard)
    expect(one.client.text()).not.toContain('[DONE]')
  })

  /* biome-ignore format: a table reads as a table */
  test.each(['deadline', 'draining'] as const)('is complete when %s ends the wait for a client that reads its end', async (kind) => {
    const one = startCall()
    one.client.stopsReading()
    const open = await one.deployment.nextOpen()
    const choice = { index: 0, delta: { content: 'Hello' }, finish_reason: 'stop' }
    open.resolve(scriptedAnswer([chunkEvent({ id: '1', choices: [choice] }), done]))
    await one.clock.advance(0)
    one.client.abandon(new Fault(kind, { message: 'm' }))
    await one.ended
    open.context.onReleased(released)
    expect(eventsIn(one.client.text())).toEqual([expect.stringContaining('Hello'), '[DONE]'])
    expect(one.records[0]).toMatchObject({ outcome: 'ok' })
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['a break',            brokenOff()],
    ['an unreadable chunk', chunkEvent({ id: '1', message: 'engine died' })],
    ['an error',           { kind: 'failed', fault: brokenOff() } as const],
  ])('reaches its client up to %s that came with it', async (_what, end) => {
    const one = startCall()
    const open = await one.deployment.nextOpen()
    open.resolve(scriptedAnswer([said('one'), said('two'), end], true))
    await one.ended
    open.context.onReleased(released)
    const events = eventsIn(one.client.text())
    expect(events).toHaveLength(3)
    expect(isError(events.at(-1))).toBeDefined()
  })

  test('is a failure with an error in it, whatever is said after it', async () => {
    const fault = new Fault('upstream_bad_answer', { message: 'It failed.', started: 'yes' })
    const failed: UpstreamEvent = { kind: 'failed', fault }
    for (const script of [
      [said('Hello'), failed, done],
      [said('Hello'), finished(), failed, done],
    ]) {
      const { events, records, client } = await answered(script)
      expect(isError(events.at(-1))).toMatchObject({ message: 'It failed.' })
      expect(client.text()).not.toContain('[DONE]')
      expect(records[0]).toMatchObject({ outcome: 'failed', fault: 'upstream_bad_answer' })
    }
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['holds a second end that is none', chunkEvent({ id: '1', choices: [{ index: 0, delta: { content: 'last' }, finish_reason: 'stop' }, { index: 0, delta: {}, finish_reason: 'abort' }] })],
    ['holds no choices',                chunkEvent({ id: '1', message: 'engine died', code: 500 })],
    ['gives up',                        chunkEvent({ id: '1', choices: [{ index: 0, delta: {}, finish_reason: 'error' }] })],
  ])('is a failure where a chunk %s, before its end and after it', async (_what, bad) => {
    for (const before of [[], [finished()]]) {
      const { client, events, records } = await answered([said('Hi'), ...before, bad, done])
      expect(isError(events.at(-1))).toMatchObject({ type: 'upstream_error' })
      expect(client.text()).not.toContain('[DONE]')
      expect(records[0]).toMatchObject({ outcome: 'failed' })
    }
  })

  test('whose server forgets the end is ended by us, a few seconds after its last choice', async () => {
    const one = startCall()
    const answer = silentAnswer([said('Hello'), finished()])
    const open = await one.deployment.nextOpen()
    open.resolve(answer)
    await one.clock.advance(4_999)
    expect(one.client.text()).not.toContain('[DONE]')
    await one.clock.advance(1)
    await one.ended
    open.context.onReleased(released)
    expect(eventsIn(one.client.text()).at(-1)).toBe('[DONE]')
    expect(one.records[0]).toMatchObject({ outcome: 'ok', fault: null })
  })

  test('whose deadline passes after its last choice is complete, and before it is not', async () => {
    for (const [script, outcome] of [
      [[said('Hello'), finished()], 'ok'],
      [[said('Hello')], 'timeout'],
    ] as const) {
      const one = startCall({ deadlineMs: 1_000 })
      const open = await one.deployment.nextOpen()
      open.context.signal.addEventListener('abort', () => answer[Symbol.dispose]())
      const answer = silentAnswer(script)
      open.resolve(answer)
      await one.clock.advance(1_000)
      await one.ended
      open.context.onReleased(released)
      expect(one.records[0]).toMatchObject({ outcome })
      expect(one.client.text().includes('[DONE]')).toBe(outcome === 'ok')
    }
  })

  test('is charged for what can be true, whatever its server says', async () => {
    const script = [said('Hi'), finished(), usage(1_000_000, 900_000_000)]
    const { call, records } = await answered(script, { body: { max_tokens: 5 } })
    const promptTokens = call.body.bytes.length + 1024
    expect(records[0]?.usage).toEqual({
      promptTokens,
      completionTokens: 5,
      cachedTokens: 0,
      source: 'capped',
    })
    expect(records[0]?.chargeNanoUsd).toBe(promptTokens * 10 + 5 * 100)
  })

  test('that turns out to be no stream is a failure', async () => {
    const { client, records } = await answered([whole('Hello')])
    expect(client.status).toBe(502)
    expect(records[0]).toMatchObject({ fault: 'upstream_bad_answer', status: 502 })
  })
})

describe('a whole answer', () => {
  const body = { stream: false }

  test('is its body, with what is known by then in the headers', async () => {
    const { client, records, happened } = await answered([whole('Hello')], { body })
    expect(JSON.parse(client.text())).toMatchObject({ model: 'asked' })
    expect(client.headers).toMatchObject({
      'x-request-id': 'req_1',
      'x-podgate-model': 'asked',
      'x-podgate-deployment': 'deployment-1',
      'x-podgate-transport': 'scripted',
      'x-podgate-queue-ms': '0',
      'x-podgate-cold-start': 'false',
      'x-podgate-overhead-ms': '0',
      'x-ratelimit-limit-requests': '100',
      'x-ratelimit-remaining-requests': '99',
      'x-ratelimit-reset-requests': '600ms',
    })
    expect(records[0]).toMatchObject({ outcome: 'ok', chargeNanoUsd: 290 })
    expect(happened).toEqual(['ledger begins', 'ledger', 'metrics', 'log', 'answer 200'])
  })

  test('with fewer choices than were asked for is no answer', async () => {
    const { client } = await answered([whole('Hello')], { body: { stream: false, n: 2 } })
    expect(client.status).toBe(502)
    expect(client.text()).not.toContain('Hello')
  })

  test('that breaks is a fault with its status, and no word of the answer', async () => {
    const one = startCall({ body })
    for (let tries = 0; tries < 2; tries += 1) {
      const open = await one.deployment.nextOpen()
      open.context.onReleased(released)
      open.resolve(scriptedAnswer([brokenOff()]))
    }
    await one.ended
    const { client } = one
    expect(client.status).toBe(502)
    expect(eventsIn(client.text())).toEqual([])
    expect(isError(client.text())).toMatchObject({ code: 'upstream_cut' })
    expect(client.headers['retry-after']).toBe('1')
  })
})

describe('a client that does not read', () => {
  test('is waited for, event by event', async () => {
    const one = startCall()
    one.client.stopsReading()
    const open = await one.deployment.nextOpen()
    open.resolve(scriptedAnswer([said('one'), said('two'), finished(), done]))
    await one.clock.advance(100)
    expect(eventsIn(one.client.text())).toHaveLength(1)
    one.client.reads()
    await one.ended
    expect(eventsIn(one.client.text())).toHaveLength(4)
    expect(one.records[0]).toMatchObject({ outcome: 'ok', durationMs: 100 })
  })

  test('and leaves is cut off without a word; what it got is written down', async () => {
    const one = startCall()
    const open = await one.deployment.nextOpen()
    one.client.stopsReading()
    const answer = scriptedAnswer([said('one'), said('two'), finished(), done])
    open.resolve(answer)
    await one.clock.advance(100)
    one.client.abandon(new Fault('slow_client', { message: 'm' }))
    await one.ended
    expect(one.happened.at(-1)).toBe('cut')
    expect(one.records[0]).toMatchObject({
      outcome: 'slow_client',
      usage: { completionTokens: 1, source: 'counted' },
      chargeNanoUsd: 100,
    })
    expect(answer.disposals()).toBe(1)
  })
})

function isErrorEvent(event: string): boolean {
  return event !== '[DONE]' && 'error' in JSON.parse(event)
}
