// Between the management API's view of an endpoint and the simulator's: image, environment and GPU
// pools on one side, a model with its timing and the knobs of its workers on the other.
import type { EndpointSettings } from '../endpoint/fleet-options.ts'
import { type EndpointOptions, type SimulatorOptions, simulatorOptions } from '../options.ts'
import type { EndpointFields } from './endpoint-fields.ts'

const workerImages = {
  a: 'runpod/worker-v1-vllm:v2.23.0',
  b: 'runpod/worker-v1-vllm:v2.25.2',
}
const nameVariables = ['OPENAI_SERVED_MODEL_NAME_OVERRIDE', 'SERVED_MODEL_NAME', 'MODEL_NAME']

/** What an endpoint that was there from the start looks like to the management API. */
export function fieldsOf(
  id: string,
  model: EndpointOptions,
  settings: EndpointSettings,
): EndpointFields {
  const { scaler, requestCount, slotsPerWorker, queueDelayMs, idleTimeoutMs } = settings
  const byDelay = scaler === 'QUEUE_DELAY'
  const idleTimeout = Math.min(3600, Math.max(1, Math.round(idleTimeoutMs / 1000)))
  return {
    name: id,
    type: model.type === 'queue' ? 'QUEUE' : 'LOAD_BALANCER',
    image: workerImages[model.generation],
    gpu: {
      pools: [settings.gpuPool],
      excludedTypes: [],
      count: settings.gpus,
      allowedCudaVersions: [],
      minCudaVersion: null,
    },
    workers: {
      min: settings.workersMin,
      max: settings.workersMax,
      ...(byDelay && { idleTimeout }),
    },
    scaling: byDelay
      ? { type: 'QUEUE_DELAY', queueDelay: queueDelayMs / 1000 }
      : { type: 'REQUEST_COUNT', requestCount: requestCount ?? slotsPerWorker },
    args: null,
    disk: 10,
    env: {
      MODEL_NAME: model.model,
      MAX_MODEL_LEN: String(model.contextTokens),
      MAX_CONCURRENCY: String(slotsPerWorker),
    },
    ports: [],
    registry: null,
    dataCenterIds: [],
    networkVolumes: [],
    timeout: settings.executionTimeoutMs,
    flashboot: settings.parkedMax > 0 ? 'FLASHBOOT' : 'OFF',
  }
}

/** The simulated endpoint for these fields; what they do not speak of stays as it was. */
export function optionsOf(
  given: EndpointFields,
  before: EndpointOptions | null,
  options: SimulatorOptions,
): EndpointOptions {
  const { env } = given
  const model = nameVariables.map((name) => env[name]).find((name) => name) ?? given.name
  const known = Object.values(options.endpoints).find((other) => other.model === model)
  const base = before?.model === model ? before : (known ?? unknownModel(model))
  return {
    ...base,
    model,
    type: given.type === 'QUEUE' ? 'queue' : 'load-balancer',
    contextTokens: countIn(env, 'MAX_MODEL_LEN') ?? base.contextTokens,
    generation: generationOf(given.image) ?? base.generation,
    fleet: { ...before?.fleet, ...fleetOf(given) },
  }
}

function fleetOf(given: EndpointFields): EndpointOptions['fleet'] {
  const { gpu, workers, scaling, env, timeout } = given
  const [gpuPool] = gpu.pools
  const slotsPerWorker = countIn(env, 'MAX_CONCURRENCY')
  return {
    ...(gpuPool !== undefined && { gpuPool }),
    gpus: gpu.count,
    workersMin: workers.min,
    workersMax: workers.max,
    ...(workers.idleTimeout !== undefined && { idleTimeoutMs: workers.idleTimeout * 1000 }),
    scaler: scaling.type,
    ...(scaling.type === 'QUEUE_DELAY'
      ? { queueDelayMs: Math.round(scaling.queueDelay * 1000) }
      : { requestCount: scaling.requestCount }),
    ...(slotsPerWorker !== null && { slotsPerWorker }),
    ...(timeout > 0 && { executionTimeoutMs: timeout }),
  }
}

/** With the timing that the options give to a model that says nothing of it. */
function unknownModel(model: string): EndpointOptions {
  const { endpoints } = simulatorOptions.parse({ endpoints: { unknown: { model } } })
  const [unknown] = Object.values(endpoints)
  if (unknown === undefined) throw new Error('the options dropped an endpoint')
  return unknown
}

/** Worker images were rewritten with 2.24; null: not one of them. */
function generationOf(image: string): 'a' | 'b' | null {
  const version = /worker-v1-vllm:v?(\d+)\.(\d+)/.exec(image)
  if (version === null) return null
  const [major, minor] = [Number(version[1]), Number(version[2])]
  return major > 2 || (major === 2 && minor >= 24) ? 'b' : 'a'
}

function countIn(env: EndpointFields['env'], name: string): number | null {
  const count = Number(env[name])
  return Number.isInteger(count) && count > 0 ? count : null
}
