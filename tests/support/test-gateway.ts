// A whole gateway in this process, on a free port, with its own databases in a temporary folder and
// one model whose deployment is wherever a test says.
import { join } from 'node:path'
import type { z } from 'zod'
import { configurationOf, type Gateway, startGateway } from '#src/app/index.ts'
import { readSecrets } from '#src/config/index.ts'
import { type Clock, systemClock } from '#src/domain/index.ts'
import { applyModels, readModelsFile } from '#src/models/index.ts'
import { openRegistry } from '#src/storage/index.ts'
import { kinds as allKinds, type UpstreamKinds } from '#src/upstreams/index.ts'
import { type ClientCall, type ClientOptions, openCall } from './client-call.ts'
import { allSurfaces } from './openai-surfaces.ts'
import { byCommand } from './registry-changes.ts'
import { checkAnswer, checkedResponse } from './schema-checks.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const testKey = 'test-key-0123456789abcdef'
export const adminKey = 'admin-key-0123456789abcdef'
const upstreamKey = 'upstream-key-0123456789abcdef'

export interface TestGateway extends AsyncDisposable {
  url: string
  folder: string
  ledgerPath: string
  gateway: Gateway
  logLines(): Record<string, unknown>[]
  /** The first line that holds all of these, written already or still to come. */
  logged(fields: Record<string, unknown>): Promise<Record<string, unknown>>
  metrics(): Promise<string>
  /** A call on a connection of its own that can be watched and left. */
  open(body: unknown, options?: ClientOptions, path?: string): ClientCall
  /** The chat route, unless a path is given. */
  post(body: unknown, init?: RequestInit, path?: string): Promise<Response>
  get(path: string, key?: string): Promise<Response>
}

type Given = z.input<ReturnType<typeof configurationOf>['schema']>
type Additions = Parameters<typeof startGateway>[1]

/**
 * The system's time by another name: the ledger is then written in the loop. A thread for each of
 * some thousand gateways took more than a third of the time of all tests.
 */
const timeWithoutThread: Clock = { ...systemClock }

export interface GatewayUnderTest {
  baseUrl: string
  kind?: (typeof kinds)[number]
  slots?: number
  /** For a gateway that outlives a test; a test's own is made and removed with it. */
  folder?: string
  /** Instead of the one model: what a models file holds. */
  models?: readonly unknown[]
  /** Instead of the system's time. `systemClock` itself: the ledger has a thread, as it has for real. */
  clock?: Clock
  /** Secrets of the environment, besides or instead of the usual ones. */
  secrets?: Record<string, string>
  config?: { [Section in keyof Given]?: Partial<Given[Section]> }
  /** Sections of kinds. */
  sections?: Readonly<Record<string, object>>
  /** Instead of the kinds that there are. */
  table?: UpstreamKinds
  /** What `dev` would add. */
  additions?: Partial<Additions>
}

export async function startTestGateway(given: GatewayUnderTest): Promise<TestGateway> {
  const folder = given.folder ?? temporaryFolder()
  const path = join(folder, 'podgate.db')
  await fillRegistry(path, given)
  const table = given.table ?? allKinds
  const { schema, kindSecrets } = configurationOf(table)
  const config = schema.parse({
    http: { port: 0, drainMs: 0, ...given.config?.http },
    limits: { requestsPerMinute: 1_000_000, ...given.config?.limits },
    relay: { ...given.config?.relay },
    // What one upstream does is told as it is; tests of circuits and retries switch them on.
    routing: { circuits: false, retries: false, ...given.config?.routing },
    upstreams: { orphanHoldMs: 20, ...given.config?.upstreams },
    storage: { path, ...given.config?.storage },
    retention: { ...given.config?.retention },
    runpod: {},
    ...given.sections,
    log: { ...given.config?.log },
  })
  const named = {
    API_KEYS: testKey,
    API_ADMIN_KEY: adminKey,
    RUNPOD_API_KEY: upstreamKey,
    EXTERNAL_TEST_KEY: upstreamKey,
    ...given.secrets,
  }
  const secrets = readSecrets(named, kindSecrets)
  const log = createLogWatch()
  const gateway = await startGateway(
    { environment: 'dev', config, secrets, kinds: table, warnings: [], wantsSimulator: false },
    {
      apiKeys: [],
      adminKey: null,
      simulator: null,
      writeLog: log.write,
      clock: given.clock ?? timeWithoutThread,
      ...given.additions,
    },
  )
  const { url } = gateway
  return {
    url,
    folder,
    ledgerPath: join(folder, 'podgate-ledger.db'),
    gateway,
    logLines: log.lines,
    logged: log.logged,
    metrics: async () => {
      const headers = { authorization: `Bearer ${adminKey}` }
      return (await fetch(`${url}/metrics`, { headers })).text()
    },
    open(body, options = {}, path = chatPath) {
      const headers = { authorization: `Bearer ${testKey}`, ...options.headers }
      const client = openCall(`${url}${path}`, textOf(body), { ...options, headers })
      // Rejects on its own, which fails the run, where the answer is not in OpenAI's shape.
      void checkCall(client, path)
      return client
    },
    async post(body, init = {}, path = chatPath) {
      const response = await fetch(`${url}${path}`, {
        method: 'POST',
        body: textOf(body),
        ...init,
        headers: {
          authorization: `Bearer ${testKey}`,
          'content-type': 'application/json',
          ...Object.fromEntries(new Headers(init.headers)),
        },
      })
      return checkedResponse(response, path)
    },
    async get(path, key = testKey) {
      const headers = { authorization: `Bearer ${key}` }
      return checkedResponse(await fetch(`${url}${path}`, { headers }), path)
    },
    [Symbol.asyncDispose]: () => gateway.close(),
  }
}

const chatPath = '/v1/chat/completions'

async function checkCall(client: ClientCall, path: string): Promise<void> {
  const isCut = (await client.ended) === 'cut'
  const head = await client.head.catch(() => null)
  if (head === null) return
  const contentType = head.headers['content-type'] ?? ''
  checkAnswer({ path, status: head.statusCode ?? 0, contentType, text: client.text(), isCut })
}

function textOf(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body)
}

function createLogWatch() {
  const lines: Record<string, unknown>[] = []
  const watchers = new Set<() => void>()
  return {
    lines: () => [...lines],
    write(text: string): void {
      lines.push(JSON.parse(text))
      for (const look of watchers) look()
    },
    logged: (fields: Record<string, unknown>) =>
      new Promise<Record<string, unknown>>((resolve) => {
        const look = () => {
          const found = lines.find((line) => holds(line, fields))
          if (found === undefined) return
          watchers.delete(look)
          resolve(found)
        }
        watchers.add(look)
        look()
      }),
  }
}

function holds(line: Record<string, unknown>, fields: Record<string, unknown>): boolean {
  return Object.entries(fields).every(([name, value]) => line[name] === value)
}

async function fillRegistry(path: string, given: GatewayUnderTest): Promise<void> {
  const models = given.models ?? [modelAt(given)]
  const registry = await openRegistry({ path, busyTimeoutMs: 50 })
  const file = readModelsFile(JSON.stringify({ models }))
  await applyModels(registry, file, byCommand(1_700_000_000_000))
  await registry.close()
}

/** A model as a models file has it, with one deployment. */
export function modelAt(
  given: GatewayUnderTest,
  id = 'test-model',
  deployment = 'test-deployment',
) {
  const { baseUrl, kind = 'openai-compatible', slots = 8 } = given
  const options =
    kind === 'runpod' ? { endpointId: 'ep', baseUrl } : { baseUrl, apiKeyEnv: 'EXTERNAL_TEST_KEY' }
  return {
    id,
    surfaces: allSurfaces,
    contextTokens: 4096,
    prices: { prompt: 2, completion: 6 },
    deployments: [{ id: deployment, kind, servedName: 'served/model', slots, options }],
  }
}

export const kinds = ['openai-compatible', 'runpod'] as const

export function chat(extra: Record<string, unknown> = {}) {
  return { model: 'test-model', messages: [{ role: 'user', content: 'Hi' }], ...extra }
}
