// How a fault is said in each dialect: whole, and as the last event of a stream.
import { describe, expect, test } from 'vitest'
import { Fault } from '#src/domain/index.ts'
import { surfaces } from '#src/surfaces/index.ts'
import { callOf, shownIn, surfaceNamed } from '../support/surface-call.ts'

const bodies: Record<string, { field: string; body: Record<string, unknown> }> = {
  'openai-chat': { field: 'messages', body: { messages: [{ role: 'user', content: 'Hi' }] } },
  'openai-completions': { field: 'prompt', body: { prompt: 'Hi' } },
  embeddings: { field: 'input', body: { input: 'Hi' } },
}

test('every surface is in the table', () => {
  expect(Object.keys(bodies).sort()).toEqual(surfaces.map(({ name }) => name).sort())
})

describe.each(Object.entries(bodies))('on %s', (name, { field, body }) => {
  const surface = surfaceNamed(name)
  const said = (fault: Fault) => {
    const encoder = surface.encoder(callOf(surface, { model: 'm', ...body }))
    return [JSON.parse(surface.fault(fault)), shownIn(encoder.failed(fault))]
  }

  test('what is too long for the context is the parameter that the route has', () => {
    for (const { error } of said(new Fault('context_too_long', { message: 'm' }))) {
      expect(error).toMatchObject({ param: field, code: 'context_length_exceeded' })
    }
  })

  test('any other fault names its own parameter', () => {
    for (const param of ['seed', null]) {
      const fault = new Fault('upstream_refused', { message: 'm', param })
      for (const { error } of said(fault)) expect(error.param).toBe(param)
    }
  })
})
