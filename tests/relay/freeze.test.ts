// What the record of a call says of it: its times apart, its model, how it ended.
import { describe, expect, test } from 'vitest'
import { Fault, type FaultName } from '#src/domain/index.ts'
import { scriptedAnswer } from '../support/scripted-deployment.ts'
import {
  brokenOff,
  done,
  eventsIn,
  finished,
  released,
  said,
  startCall,
  usage,
} from './one-call.ts'

const gone = new Fault('client_gone', { message: 'It left.', started: 'maybe' })

describe('the record', () => {
  test('does not take what a try took that was turned away for time of ours', async () => {
    const one = startCall()
    const first = await one.deployment.nextOpen()
    await one.clock.advance(1_200)
    first.context.onReleased(released)
    first.reject(new Fault('overloaded', { message: 'm', turnedAway: 'full' }))
    await one.clock.advance(250)
    const second = await one.deployment.nextOpen()
    await one.clock.advance(300)
    second.resolve(scriptedAnswer([said('Hi'), finished(), done]))
    await one.ended
    second.context.onReleased(released)
    expect(one.records[0]).toMatchObject({
      attempts: 2,
      queueMs: 250,
      durationMs: 1_750,
      overheadMs: 0,
    })
  })

  test('tells the times apart: in line, to the first event, in all', async () => {
    const one = startCall({ capacity: 0 })
    await one.clock.advance(30)
    one.deployment.setCapacity(1)
    const open = await one.deployment.nextOpen()
    await one.clock.advance(200)
    open.resolve(scriptedAnswer([said('Hi'), finished(), usage(9, 2), done]))
    await one.ended
    open.context.onReleased(released)
    expect(one.records[0]).toMatchObject({
      queueMs: 30,
      ttftMs: 230,
      durationMs: 230,
      overheadMs: 0,
      execMs: 12,
      workerId: 'worker-1',
      upstreamId: 'job-1',
      usage: { promptTokens: 9, completionTokens: 2, source: 'reported' },
      coldStart: false,
    })
    expect(one.attempts).toMatchObject([{ ordinal: 1, durationMs: 200, result: 'answered' }])
  })

  test('of a repeated try counts the line only while it was waited in', async () => {
    const one = startCall()
    const first = await one.deployment.nextOpen()
    await one.clock.advance(5000)
    first.context.onReleased({ how: 'unsent', cancellation: 'none' })
    first.reject(new Fault('upstream_unreachable', { message: 'm' }))
    const second = await one.deployment.nextOpen()
    await one.clock.advance(100)
    second.resolve(scriptedAnswer([said('Hi'), finished(), done]))
    await one.ended
    second.context.onReleased(released)
    expect(one.records[0]).toMatchObject({ queueMs: 0, ttftMs: 5100, attempts: 2 })
    expect(one.attempts).toMatchObject([
      { ordinal: 1, result: 'faulted', released: 'unsent', wastedSeconds: 0, wasteReason: null },
      { ordinal: 2, result: 'answered', wastedSeconds: 0 },
    ])
  })

  test('has the model’s own id, by whichever of its names it was asked for', async () => {
    const one = startCall({ body: { model: 'nick' } })
    const open = await one.deployment.nextOpen()
    open.context.onReleased(released)
    open.resolve(scriptedAnswer([said('Hi'), finished(), done]))
    await one.ended
    expect([one.records[0]?.model, one.attempts[0]?.model]).toEqual(['asked', 'asked'])
    expect(one.client.headers['x-podgate-model']).toBe('asked')
    expect(JSON.parse(eventsIn(one.client.text())[0] ?? '').model).toBe('nick')
  })

  test('of a good answer names no orphan, though its place is not free yet', async () => {
    const one = startCall({ cancellation: 'hoped' })
    const open = await one.deployment.nextOpen()
    open.resolve(scriptedAnswer([said('Hi'), finished(), done]))
    await one.ended
    expect(one.records[0]).toMatchObject({ outcome: 'ok', possibleOrphan: false })
  })

  test('says that the deployment was cold', async () => {
    const one = startCall({ capacity: 0 })
    one.deployment.setReadiness({ state: 'cold', etaMs: null })
    one.deployment.setCapacity(1)
    const open = await one.deployment.nextOpen()
    open.resolve(scriptedAnswer([said('Hi'), finished(), done]))
    await one.ended
    expect(one.records[0]?.coldStart).toBe(true)
    expect(one.client.headers['x-podgate-cold-start']).toBe('true')
  })

  /* biome-ignore format: a table reads as a table */
  test.each([
    ['upstream_unreachable', 'failed',  502],
    ['upstream_credentials', 'failed',  502],
    ['upstream_refused',     'failed',  400],
    ['context_too_long',     'failed',  400],
    ['first_byte_timeout',   'timeout', 504],
    ['stalled',              'timeout', 504],
  ] as [FaultName, string, number][])('of a call that ended in %s says %s, %i', async (kind, outcome, status) => {
    const one = startCall({ body: { stream: false } })
    const open = await one.deployment.nextOpen()
    open.context.onReleased(released)
    open.reject(new Fault(kind, { message: 'm', started: 'maybe' }))
    await one.ended
    expect(one.records[0]).toMatchObject({ outcome, status, fault: kind })
    expect(one.client.status).toBe(status)
  })

  test('is the client’s leaving, whatever broke because of it', async () => {
    const one = startCall()
    const open = await one.deployment.nextOpen()
    one.client.abandon(gone)
    open.reject(brokenOff())
    await one.ended
    expect(one.records[0]).toMatchObject({ outcome: 'client_gone', fault: 'client_gone' })
  })
})
