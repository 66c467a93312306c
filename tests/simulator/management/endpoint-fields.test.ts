// What may be said of an endpoint when it is made or changed, what is the default, and what is
// refused.
import { describe, expect, test } from 'vitest'
import {
  type EndpointFields,
  readChange,
  readCreation,
} from '#src/simulator/management/endpoint-fields.ts'
import { Problem } from '#src/simulator/management/problem.ts'

const least = {
  name: 'llm',
  type: 'QUEUE',
  image: 'runpod/worker-v1-vllm:v2.25.2',
  gpu: { pools: ['ADA_80_PRO'] },
  scaling: { type: 'REQUEST_COUNT', requestCount: 16 },
}

function problemOf(act: () => unknown): Problem {
  try {
    act()
  } catch (cause) {
    if (cause instanceof Problem) return cause
    throw cause
  }
  throw new Error('it was accepted')
}

describe('a creation', () => {
  test('gets the defaults of what it does not say', () => {
    expect(readCreation(least)).toEqual({
      ...least,
      gpu: {
        pools: ['ADA_80_PRO'],
        excludedTypes: [],
        count: 1,
        allowedCudaVersions: [],
        minCudaVersion: null,
      },
      workers: { min: 0, max: 3 },
      args: null,
      disk: 10,
      env: {},
      ports: [],
      registry: null,
      dataCenterIds: [],
      networkVolumes: [],
      timeout: 0,
      flashboot: 'OFF',
    })
  })

  test.each([
    ['an unknown field', { colour: 'blue' }, ''],
    ['no name', { name: undefined }, 'name'],
    ['an unknown type', { type: 'BATCH' }, 'type'],
    ['no image', { image: undefined }, 'image'],
    ['a pool that does not exist', { gpu: { pools: ['ADA_1'] } }, 'gpu.pools.0'],
    ['no pool', { gpu: { pools: [] } }, 'gpu.pools'],
    ['no scaling', { scaling: undefined }, 'scaling'],
    ['an unknown scaler', { scaling: { type: 'LUCK' } }, 'scaling.type'],
    [
      'an idle timeout beside a request count',
      { workers: { idleTimeout: 60 } },
      'workers.idleTimeout',
    ],
    ['more workers at least than at most', { workers: { min: 4, max: 3 } }, 'workers.min'],
    [
      'a load balancer that scales by delay',
      { type: 'LOAD_BALANCER', scaling: { type: 'QUEUE_DELAY' } },
      'scaling.type',
    ],
    ['an environment of numbers', { env: { MAX: 3 } }, 'env.MAX'],
  ])('with %s is unprocessable', (_, wrong, path) => {
    const problem = problemOf(() => readCreation({ ...least, ...wrong }))
    expect([problem.status, problem.mistakes[0]?.path]).toEqual([422, path])
  })
})

describe('a change', () => {
  const before: EndpointFields = readCreation({
    ...least,
    env: { A: '1', B: '2' },
    workers: { min: 1, max: 5 },
    gpu: { pools: ['ADA_80_PRO'], excludedTypes: ['NVIDIA H100 PCIe'], count: 4 },
  })

  test('leaves what it does not name', () => {
    expect(readChange({ workers: { max: 7 } }, before)).toEqual({
      ...before,
      workers: { min: 1, max: 7 },
    })
  })

  test('replaces the environment as a whole', () => {
    expect(readChange({ env: { B: '3' } }, before).env).toEqual({ B: '3' })
  })

  test('clears the exclusions with new pools that name none', () => {
    expect(readChange({ gpu: { pools: ['ADA_24'] } }, before).gpu).toEqual({
      ...before.gpu,
      pools: ['ADA_24'],
      excludedTypes: [],
    })
    expect(readChange({ gpu: { count: 2 } }, before).gpu.excludedTypes).toHaveLength(1)
  })

  test('to a request count drops the idle timeout', () => {
    const byDelay = readChange({ scaling: { type: 'QUEUE_DELAY', queueDelay: 1 } }, before)
    const patient = readChange({ workers: { idleTimeout: 300 } }, byDelay)
    expect(patient.workers).toEqual({ min: 1, max: 5, idleTimeout: 300 })
    const counting = readChange({ scaling: { type: 'REQUEST_COUNT', requestCount: 8 } }, patient)
    expect(counting.workers).toEqual({ min: 1, max: 5 })
  })

  test.each([
    ['of the type', { type: 'LOAD_BALANCER' }, 'type'],
    ['of an unknown field', { colour: 'blue' }, ''],
    ['that contradicts itself', { workers: { min: 9 } }, 'workers.min'],
    ['that is no object', { workers: 3 }, 'workers'],
  ])('%s is unprocessable', (_, change, path) => {
    const problem = problemOf(() => readChange(change, before))
    expect([problem.status, problem.mistakes[0]?.path]).toEqual([422, path])
  })
})
