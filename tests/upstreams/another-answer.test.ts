// A stream in which a second answer begins, as when a platform gives a lost job to another worker.
import { expect, test } from 'vitest'
import { attempt, listen, meet, tornDown } from '../contracts/subject.ts'
import { beginStream, chunk, done, lastChunk } from '../support/scripted-upstream.ts'

const subject = {
  kind: 'runpod',
  options: (baseUrl: string) => ({ endpointId: 'ep', baseUrl }),
  path: '/ep/openai/v1/chat/completions',
  keyHeader: ['authorization', ''] as [string, string],
  cancellation: 'hoped' as const,
}

test('it is cut there, and whoever generates the second is not taken to have stopped', async () => {
  const { upstream } = await meet(subject, (call) => {
    beginStream(call)
    call.response.write(chunk('one') + chunk('two') + chunk('one', { id: 'chatcmpl-2' }))
  })
  const one = attempt(upstream)
  const answer = await one.answer
  expect(await answer.next()).toMatchObject({ kind: 'chunk' })
  expect(await answer.next()).toMatchObject({ kind: 'chunk' })
  expect(await answer.next()).toMatchObject({ kind: 'failed', fault: { kind: 'upstream_cut' } })
  answer[Symbol.dispose]()
  expect(await one.released).toEqual(tornDown(subject))
})

test('a server of another dialect may name its chunks as it likes', async () => {
  const compatible = {
    ...subject,
    kind: 'openai-compatible',
    options: (baseUrl: string) => ({ baseUrl, dialect: 'openai' }),
  }
  const { upstream } = await meet(compatible, (call) => {
    beginStream(call)
    call.response.end(chunk('one') + lastChunk().replace('chatcmpl-1', 'other') + done)
  })
  const { events } = await listen(await attempt(upstream).answer)
  expect(events.map(({ kind }) => kind)).toEqual(['chunk', 'chunk', 'done'])
})
