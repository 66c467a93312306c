// `podgate simulate --watch` draws a running simulator: frame over frame on a terminal, and whole
// frames without control characters elsewhere.
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { watchSimulator } from '#src/cli/watch-simulator.ts'
import { type Simulator, simulatorOptions, startSimulator } from '#src/simulator/index.ts'
import { createFakeClock } from '../support/fake-clock.ts'

let simulator: Simulator
beforeAll(async () => {
  simulator = await startSimulator(simulatorOptions.parse({ port: 0 }), createFakeClock())
})
afterAll(() => simulator.close())

const head = /^http:\/\/127\.0\.0\.1:\d+ {3}2023-11-14 22:13:20 {3}\$0\.0000 {3}0 connections$/

test('on a terminal each frame is drawn over the last, and the cursor comes back', async () => {
  const clock = createFakeClock()
  let written = ''
  const screen = { isTTY: true, columns: 60, rows: 5, write: (text: string) => (written += text) }
  const stop = watchSimulator(simulator, clock, screen, true)
  await clock.advance(250)
  stop()
  await clock.advance(10_000)
  expect(written.split('\u001b[H')).toHaveLength(3)
  expect(written.startsWith('\u001b[?25l')).toBe(true)
  expect(written.endsWith('\u001b[?25h')).toBe(true)
  const frame = stripVTControlCharacters(written.split('\u001b[H')[1] ?? '')
  const lines = frame.trimEnd().split('\n')
  expect(lines).toHaveLength(4)
  expect(lines.every(({ length }) => length <= 60)).toBe(true)
  expect(clock.pending()).toBe(0)
})

test('without a wish for colour there is none', () => {
  let written = ''
  const screen = { isTTY: true, columns: 60, rows: 9, write: (text: string) => (written += text) }
  watchSimulator(simulator, createFakeClock(), screen, false)()
  expect(written).not.toContain('\u001b[0m')
})

test('off a terminal whole frames are printed now and then, without control characters', async () => {
  const clock = createFakeClock()
  const frames: string[] = []
  const stop = watchSimulator(
    simulator,
    clock,
    { write: (text: string) => frames.push(text) },
    true,
  )
  await clock.advance(10_000)
  stop()
  expect(frames).toHaveLength(3)
  const lines = (frames[0] ?? '').trimEnd().split('\n')
  expect(lines[0]).toMatch(head)
  expect(lines.slice(1).map((line) => line.split(' ')[0])).toEqual([
    'sim-mixtral',
    'sim-qwen',
    'sim-qwen-b',
    'sim-phi',
    'sim-embed',
  ])
  expect(stripVTControlCharacters(frames.join(''))).toBe(frames.join(''))
})
