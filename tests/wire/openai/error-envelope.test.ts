// Every kind of fault as OpenAI's error envelope: all four members, on one line, and nothing of
// the cause.
import { describe, expect, test } from 'vitest'
import { Fault, type FaultName, faultKinds } from '#src/domain/index.ts'
import { errorEnvelope } from '#src/wire/index.ts'

describe.each(Object.keys(faultKinds) as FaultName[])('%s as an error envelope', (kind) => {
  test('has message, type, param and code, all four, and nothing else', () => {
    const fault = new Fault(kind, { message: 'What "happened".\n', cause: new Error('inside') })
    const { type, code } = faultKinds[kind]
    const error = { message: 'What "happened".\n', type, param: null, code }
    expect(JSON.parse(errorEnvelope(fault))).toEqual({ error })
  })
})

test('an error envelope names the parameter, and never the cause', () => {
  const text = errorEnvelope(
    new Fault('bad_request', { message: 'm', param: 'n', cause: 'inside' }),
  )
  expect(JSON.parse(text).error.param).toBe('n')
  expect(text).not.toContain('inside')
})

test('an error envelope is one line, and so one event of a stream', () => {
  expect(errorEnvelope(new Fault('internal', { message: 'a\r\nb' }))).not.toMatch(/[\r\n]/)
})
