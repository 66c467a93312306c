// A seed has 64 bits on the model's server and 53 in a number here: it passes as it was written.
import { describe, expect, test } from 'vitest'
import { chatCall } from '../support/chat-call.ts'
import { atOnce } from '../support/pieces.ts'
import { refusalOf, surfaceNamed } from '../support/surface-call.ts'

const bodies = {
  'openai-chat': '"messages":[{"role":"user","content":"Hi"}]',
  'openai-completions': '"prompt":"Hi"',
}

describe.each(Object.entries(bodies))('on %s', (name, prompt) => {
  const surface = surfaceNamed(name)
  const read = (seed: string) =>
    atOnce(surface.read(Buffer.from(`{"model":"m",${prompt},"seed": ${seed} ,"n":1}`)))

  test.each([
    '0',
    '-0',
    '-1',
    '9007199254740993',
    '1234567890123456789',
    '9223372036854775807',
    '-9223372036854775808',
  ])('%s passes to the digit', (seed) => {
    const call = { ...chatCall({}), ...read(seed) }
    const { body } = surface.toUpstream(call, { dialect: 'vllm', servedName: 's' })
    expect(body.toString()).toContain(`"seed": ${seed},`)
  })

  test('null is no seed', () => {
    expect(() => read('null')).not.toThrow()
  })

  test.each([
    '9223372036854775808',
    '-9223372036854775809',
    '18446744073709551615',
    '1e3',
    '1E18',
    '5.0',
    '0.5',
    '1e400',
    '1'.repeat(1_000),
    '"7"',
    'true',
    '[1]',
    '{}',
  ])('%s is refused, and the parameter named', (seed) => {
    const fault = refusalOf(() => read(seed))
    expect(fault).toMatchObject({ kind: 'bad_request', param: 'seed' })
    expect(fault.message).toMatch(
      /^Invalid value for 'seed': expected an integer of at most 64 bits/,
    )
  })
})
