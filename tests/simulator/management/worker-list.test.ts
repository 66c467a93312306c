// A worker that started before its endpoint was changed is listed with its own release's image and
// GPUs.
import { expect, test } from 'vitest'
import type { Listed } from '#src/simulator/management/directory.ts'
import { readChange, readCreation } from '#src/simulator/management/endpoint-fields.ts'
import { workerList } from '#src/simulator/management/worker-list.ts'

const made = readCreation({
  name: 'one',
  type: 'QUEUE',
  image: 'worker:1',
  gpu: { pools: ['ADA_24'], count: 1 },
  scaling: { type: 'REQUEST_COUNT' },
})
const createdAt = '2026-01-01T00:00:00.000Z'
const changed = readChange({ image: 'worker:3', gpu: { pools: ['AMPERE_80'], count: 2 } }, made)

/** Its image was changed twice, and its GPUs with the second change. */
const entry: Listed = {
  id: 'one',
  createdAt,
  fields: changed,
  releases: [
    { version: 1, createdAt, diff: [] },
    { version: 2, createdAt, diff: [{ field: 'image', from: 'worker:1', to: 'worker:2' }] },
    {
      version: 3,
      createdAt,
      diff: [
        { field: 'image', from: 'worker:2', to: 'worker:3' },
        { field: 'gpu', from: made.gpu, to: changed.gpu },
      ],
    },
  ],
}

test('a worker of an old release is stale, and has the image and the GPUs of that release', () => {
  const workers = [1, 2, 3].map((release) => ({
    id: `w${release}`,
    phase: 'running' as const,
    sinceMs: 0,
    jobs: 1,
    startedAtMs: 0,
    release,
    nanoUsdPerSecond: 1,
  }))
  expect(workerList(entry, workers, 5000)).toMatchObject({
    workers: [
      { id: 'w1', isStale: true, image: 'worker:1', gpuCount: 1 },
      { id: 'w2', isStale: true, image: 'worker:2', gpuTypeId: 'NVIDIA GeForce RTX 4090' },
      { id: 'w3', isStale: false, image: 'worker:3', gpuCount: 2 },
    ],
    endpointVersion: 3,
  })
})
