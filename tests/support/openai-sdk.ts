// The real SDK against a whole gateway, with a simulated RunPod behind it that is fast and warm.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import OpenAI from 'openai'
import { afterAll, beforeAll } from 'vitest'
import { parse } from 'yaml'
import { systemClock } from '#src/domain/index.ts'
import { type Simulator, simulatorOptions, startSimulator } from '#src/simulator/index.ts'
import { checkedResponse } from './schema-checks.ts'
import {
  type GatewayUnderTest,
  modelAt,
  startTestGateway,
  type TestGateway,
  testKey,
} from './test-gateway.ts'

export interface SdkScene extends AsyncDisposable {
  gateway: TestGateway
  client: OpenAI
}

interface EndpointState {
  openConnections: number
  callsSeen: number
}

export const model = 'qwen2-7b-career'
export const saying = (content: string) => [{ role: 'user' as const, content }]
export const messages = saying('Tell me about ladders')

const modelsFile = fileURLToPath(new URL('../../configs/dev/models.yaml', import.meta.url))

/** One simulator for a test file; each test opens a gateway of its own in front of it. */
export function simulated() {
  let simulator: Simulator
  beforeAll(async () => {
    const options = simulatorOptions.parse({ port: 0, coldMs: 0, speed: 50, key: 'sim-key' })
    simulator = await startSimulator(options, systemClock)
  })
  afterAll(() => simulator.close())
  const control = async (method: string, path: string, body?: object): Promise<unknown> => {
    const headers = { 'content-type': 'application/json' }
    const sent = body === undefined ? {} : { headers, body: JSON.stringify(body) }
    return (await fetch(`${simulator.url}/__control/${path}`, { method, ...sent })).json()
  }
  return {
    control,
    /** `engine`: its model server itself, instead of the platform around it. */
    async open(
      reached: 'runpod' | 'engine' = 'runpod',
      config: GatewayUnderTest['config'] = {},
    ): Promise<SdkScene> {
      const models = parse(readFileSync(modelsFile, 'utf8')).models
      const gateway = await startTestGateway({
        baseUrl: simulator.url,
        models: reached === 'runpod' ? models : [engineAt(`${simulator.url}/engine/sim-qwen`)],
        secrets: { RUNPOD_API_KEY: 'sim-key' },
        config,
        sections: { runpod: { baseUrl: `${simulator.url}/v2` } },
      })
      const client = new OpenAI({
        apiKey: testKey,
        baseURL: `${gateway.url}/v1`,
        maxRetries: 0,
        // What node gives, read through once more on its way.
        fetch: async (url, init) => checkedResponse(await fetch(url, init), pathOf(url)),
      })
      return { gateway, client, [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose]() }
    },
    /** The endpoint behind `model`. */
    async endpoint(): Promise<EndpointState> {
      const state = await control('GET', 'state')
      const { endpoints } = state as { endpoints: { 'sim-qwen': EndpointState } }
      return endpoints['sim-qwen']
    },
  }
}

function engineAt(baseUrl: string) {
  const [deployment] = modelAt({ baseUrl }).deployments
  const servedName = 'Qwen/Qwen2-7B-Instruct'
  return { ...modelAt({ baseUrl }, model), deployments: [{ ...deployment, servedName }] }
}

function pathOf(url: string | URL | Request): string {
  return new URL(url instanceof Request ? url.url : url).pathname
}

export async function errorOf(
  answer: Promise<unknown>,
): Promise<InstanceType<typeof OpenAI.APIError>> {
  try {
    await answer
  } catch (error) {
    if (error instanceof OpenAI.APIError) return error
    throw error
  }
  throw new Error('there was no error')
}
