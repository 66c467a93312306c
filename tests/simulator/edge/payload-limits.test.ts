// How large a body may be for each operation, and that a larger one is refused before it is
// parsed.
import { expect, test } from 'vitest'
import { tooLarge } from '#src/simulator/edge/payload-limits.ts'
import { runSimulator } from '../support/running.ts'

const mebibyte = 1024 * 1024
const options = { openaiBodyMaxBytes: 10 * mebibyte }

test.each([
  ['run', 10],
  ['runsync', 20],
  ['openai', 10],
  ['balanced', 30],
])('the body of %s may have %i MiB', (operation, mebibytes) => {
  expect(tooLarge(operation, mebibytes * mebibyte, options)).toBeNull()
  expect(tooLarge(operation, mebibytes * mebibyte + 1, options)).toBe(
    `exceeded max body size of ${mebibytes}MiB`,
  )
})

const simulator = runSimulator({ openaiBodyMaxBytes: 1000 })

test('a larger body is refused before anything has looked at it', async () => {
  const large = `{"input":{"text":"${'x'.repeat(10 * mebibyte)}`
  const refused = await simulator.call('/v2/sim-phi/run', large)
  expect([refused.status, await refused.json()]).toEqual([
    400,
    { error: 'exceeded max body size of 10MiB' },
  ])
  const routed = await simulator.call('/v2/sim-phi/openai/v1/completions', 'x'.repeat(1001))
  expect([routed.status, await routed.json()]).toEqual([
    400,
    { error: 'exceeded max body size of 1000 bytes' },
  ])
})

test('what is too large for all of them is not even kept', async () => {
  const refused = await simulator.call('/v2/sim-phi/runsync', 'x'.repeat(30 * mebibyte + 1))
  expect(refused.status).toBe(413)
})
