// Every kind of upstream against the one contract, and a third one that is added in one line.
import { expect, test } from 'vitest'
import { originsOf } from '#src/upstreams/index.ts'
import { kinds } from '#src/upstreams/kinds.ts'
import { openSubject, upstreamSecret } from './subject.ts'
import { thirdKind } from './third-kind/index.ts'
import { upstreamContract } from './upstream-contract.ts'

const bearer: [string, string] = ['authorization', `Bearer ${upstreamSecret}`]

const subjects = [
  {
    kind: 'runpod',
    options: (baseUrl: string) => ({ endpointId: 'ep', baseUrl: `${baseUrl}/v2` }),
    path: '/v2/ep/openai/v1/chat/completions',
    keyHeader: bearer,
    cancellation: 'hoped' as const,
  },
  {
    kind: 'openai-compatible',
    options: (baseUrl: string) => ({ baseUrl, apiKeyEnv: 'EXTERNAL_TEST_KEY' }),
    path: '/v1/chat/completions',
    keyHeader: bearer,
    cancellation: 'proven' as const,
  },
  {
    kind: 'third-kind',
    options: (root: string) => ({ root }),
    path: '/api/v1/chat/completions',
    keyHeader: ['x-api-key', upstreamSecret] as [string, string],
    cancellation: 'hoped' as const,
    table: { ...kinds, 'third-kind': thirdKind },
  },
]

for (const subject of subjects) upstreamContract(subject)

test('every kind there is has been held to the contract', () => {
  const held = subjects.map(({ kind }) => kind)
  expect(held).toEqual(expect.arrayContaining(Object.keys(kinds)))
})

test.each(subjects)('$kind names the origin that it leads to', ({ kind, options, table }) => {
  const deployment = { kind, options: options('https://vllm.example:8000') }
  expect(originsOf(deployment, { section: {}, secret: () => null }, table)).toEqual([
    'https://vllm.example:8000',
  ])
})

test('a kind that is not in the table cannot be opened', () => {
  const [subject] = subjects
  if (subject === undefined) throw new Error('there is no subject')
  expect(() => openSubject({ ...subject, kind: 'third-kind' }, 'http://127.0.0.1:1')).toThrow(
    expect.objectContaining({ kind: 'no_deployment' }),
  )
})
