// A whole gateway in this process, on a free port, with its own databases in a temporary folder and
// one model whose deployment is wherever a test says.
import { join } from 'node:path'
import type { z } from 'zod'
import { configSchema, type Gateway, startGateway } from '#src/app/index.ts'
import { readSecrets } from '#src/config/index.ts'
import { applyModels, readModelsFile } from '#src/models/index.ts'
import { openRegistry } from '#src/storage/index.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const testKey = 'test-key-0123456789abcdef'
export const adminKey = 'admin-key-0123456789abcdef'
export const upstreamKey = 'upstream-key-0123456789abcdef'

export interface TestGateway extends AsyncDisposable {
  url: string
  folder: string
  ledgerPath: string
  gateway: Gateway
  logLines(): Record<string, unknown>[]
  /** The next line of this event, or one that was written already. */
  metrics(): Promise<string>
  post(body: unknown, init?: RequestInit): Promise<Response>
}

type Given = z.input<typeof configSchema>

export interface GatewayUnderTest {
  baseUrl: string
  kind?: 'openai-compatible' | 'runpod'
  slots?: number
  config?: { [Section in keyof Given]?: Partial<Given[Section]> }
}

export async function startTestGateway(given: GatewayUnderTest): Promise<TestGateway> {
  const folder = await temporaryFolder()
  const path = join(folder, 'podgate.db')
  await fillRegistry(path, given)
  const config = configSchema.parse({
    http: { port: 0, drainMs: 0, ...given.config?.http },
    limits: { requestsPerMinute: 1_000_000, ...given.config?.limits },
    relay: { ...given.config?.relay },
    routing: { ...given.config?.routing },
    upstreams: { orphanHoldMs: 20, ...given.config?.upstreams },
    storage: { path, ...given.config?.storage },
    runpod: { ...given.config?.runpod },
    log: { ...given.config?.log },
  })
  const secrets = readSecrets({
    API_KEYS: testKey,
    API_ADMIN_KEY: adminKey,
    RUNPOD_API_KEY: upstreamKey,
    EXTERNAL_TEST_KEY: upstreamKey,
  })
  const lines: string[] = []
  const gateway = await startGateway(
    { environment: 'dev', config, secrets, warnings: [], hasRunpod: true },
    { apiKeys: [], adminKey: null, runpod: null, writeLog: (line) => lines.push(line) },
  )
  const { url } = gateway
  return {
    url,
    folder,
    ledgerPath: join(folder, 'podgate-ledger.db'),
    gateway,
    logLines: () => lines.map((line) => JSON.parse(line)),
    metrics: async () => {
      const headers = { authorization: `Bearer ${adminKey}` }
      return (await fetch(`${url}/metrics`, { headers })).text()
    },
    post: (body, init = {}) =>
      fetch(`${url}/v1/chat/completions`, {
        method: 'POST',
        body: typeof body === 'string' ? body : JSON.stringify(body),
        ...init,
        headers: {
          authorization: `Bearer ${testKey}`,
          'content-type': 'application/json',
          ...Object.fromEntries(new Headers(init.headers)),
        },
      }),
    [Symbol.asyncDispose]: () => gateway.close(),
  }
}

async function fillRegistry(path: string, given: GatewayUnderTest): Promise<void> {
  const { baseUrl, kind = 'openai-compatible', slots = 8 } = given
  const options =
    kind === 'runpod' ? { endpointId: 'ep', baseUrl } : { baseUrl, apiKeyEnv: 'EXTERNAL_TEST_KEY' }
  const model = {
    id: 'test-model',
    surfaces: ['openai-chat'],
    contextTokens: 4096,
    prices: { prompt: 2, completion: 6 },
    deployments: [{ id: 'test-deployment', kind, servedName: 'served/model', slots, options }],
  }
  const registry = await openRegistry({ path, busyTimeoutMs: 50 })
  const file = readModelsFile(JSON.stringify({ models: [model] }))
  await applyModels(registry, file, { dryRun: false, nowMs: 1_700_000_000_000 })
  await registry.close()
}

export function chat(extra: Record<string, unknown> = {}) {
  return { model: 'test-model', messages: [{ role: 'user', content: 'Hi' }], ...extra }
}
