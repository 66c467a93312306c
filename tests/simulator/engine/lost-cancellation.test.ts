// With `lostCancelShare` an engine does not hear that a job was cancelled, and goes on generating.
import { expect, test } from 'vitest'
import { chat, runSimulator } from '../support/running.ts'

const settings = { clock: 'manual', speed: 1 }
const lossy = runSimulator({ ...settings, lostCancelShare: 1 })
const sure = runSimulator(settings)

/** Tokens that are made in the two seconds after a job was cancelled. */
async function madeAfterCancel({ call, state }: typeof lossy): Promise<number> {
  const openai_input = chat('[[sim:tokens=1500]]', { stream: true, max_tokens: 1500 })
  const input = { openai_route: '/v1/chat/completions', openai_input }
  const job = (await (await call('/v2/sim-phi/run', { input })).json()) as { id: string }
  const advance = (advanceMs: number) => call('/__control/clock', { advanceMs })
  const tokens = async () => (await state()).endpoints['sim-phi']?.generatedTokens ?? 0
  await advance(2000)
  const cancelled = await call(`/v2/sim-phi/cancel/${job.id}`, {})
  expect(await cancelled.json()).toMatchObject({ status: 'CANCELLED' })
  const before = await tokens()
  expect(before).toBeGreaterThan(10)
  await advance(2000)
  return (await tokens()) - before
}

test('the engine generates on for a cancelled job whose worker stopped in vain', async () => {
  expect(await madeAfterCancel(lossy)).toBeGreaterThan(100)
})

test('otherwise it stops at once', async () => {
  expect(await madeAfterCancel(sure)).toBe(0)
})
