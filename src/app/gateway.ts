// Builds the house: opens every room, connects them, listens; and closes them in the order in which
// nothing is lost. The only file that knows every room.
import { createKeyTally, openLedger } from '#accounting'
import { type Clock, type Deployment, systemClock } from '#domain'
import { buildServer, type HttpPorts } from '#http'
import { keepLastUse, openKeyring, runningKeys } from '#keys'
import { createLimits } from '#limits'
import { openCatalogue, readModels } from '#models'
import {
  createAttemptTally,
  createLogger,
  createMetrics,
  type Logger,
  maskSecrets,
} from '#observability'
import { createRouting, type Routing } from '#routing'
import { type LedgerNews, openRegistry } from '#storage'
import { surfaces } from '#surfaces'
import { checkDeployment, heldAnswerBytes, openUpstream } from '#upstreams'
import { allowedOrigins } from './allowed-origins.ts'
import { runpodBaseUrl } from './config-schema.ts'
import { credentialsOf } from './credentials.ts'
import { noteLedgerNews } from './note-ledger-news.ts'
import { noteRefusal } from './refusals.ts'
import { connectRelay } from './relay-ports.ts'
import { seedModels } from './seed-models.ts'
import type { Settings } from './settings.ts'
import { watchStanding } from './standing.ts'
import { refuseHalfConfigured, unreadableMedia } from './start-mistakes.ts'

/** How soon a change by another process holds here: within a second, however busy the machine. */
const pollMs = 250
/** Far above the keys of any registry. */
const keysMax = 100_000

/** What `dev` adds to the settings: keys of its own, and a RunPod that runs here. */
export interface Additions {
  apiKeys: readonly string[]
  adminKey: string | null
  runpod: { baseUrl: string; apiKey: string } | null
  clock?: Clock
  /** Where log lines go, instead of standard output. */
  writeLog?: (line: string) => void
}

export interface Gateway {
  url: string
  modelIds: readonly string[]
  /** Every method and path that it answers. */
  routes: readonly string[]
  logger: Logger
  close(): Promise<void>
}

export async function startGateway(settings: Settings, additions: Additions): Promise<Gateway> {
  const { config, secrets } = settings
  const clock = additions.clock ?? systemClock
  maskSecrets([...secrets.all(), ...additions.apiKeys, additions.adminKey ?? ''])
  const logger = createLogger({
    level: config.log.level,
    isBuffered: settings.environment === 'prod',
    ...(additions.writeLog === undefined ? {} : { write: additions.writeLog }),
  })
  for (const warning of settings.warnings) logger.warn({ event: 'config' }, warning)

  await using closing = new AsyncDisposableStack()
  const registry = await openRegistry(config.storage)
  closing.defer(() => registry.close())
  const onTrouble = (cause: unknown) => logger.error({ event: 'registry', cause })
  const polling = { clock, pollMs, onTrouble }
  const catalogue = closing.use(await openCatalogue(registry, polling))
  if (await seedModels(registry, settings.environment)) await catalogue.refresh()
  const keyring = closing.use(
    await openKeyring(registry, {
      ...polling,
      bootstrapKeys: [...secrets.apiKeys, ...additions.apiKeys],
      adminKey: secrets.adminKey ?? additions.adminKey,
    }),
  )
  const lastUse = closing.use(keepLastUse(registry, { clock, onTrouble }))
  const credentials = credentialsOf(settings, additions)
  const models = await readModels(registry.db)
  for (const warning of unreadableMedia(models)) logger.warn({ event: 'config' }, warning)
  refuseHalfConfigured({
    environment: settings.environment,
    models,
    keyCount:
      (await runningKeys(registry.db, clock.nowMs())).length +
      secrets.apiKeys.length +
      additions.apiKeys.length,
    hasCredential: (name) => credentials(name) !== null,
    hasRunpodKey: credentials('RUNPOD_API_KEY') !== null,
    hasEndpointId: config.runpod.endpointId !== null,
    isRunpodItself: config.runpod.baseUrl === runpodBaseUrl,
  })

  const onNews = (news: LedgerNews) => noteLedgerNews(news, logger)
  const ledger = await openLedger({ ...config.storage, ...config.retention, onNews }, clock)
  closing.defer(() => ledger.close())
  ledger.onStateChange((state, cause) => {
    if (state === 'ok') logger.info({ event: 'ledger', state })
    else logger.error({ event: 'ledger', state, cause })
  })
  const metrics = createMetrics({ isKnownModel: (id) => catalogue.find(id) !== null })
  const open = (latest: () => Deployment) =>
    openUpstream({ deployment: latest(), latest, options: config.upstreams, credentials, clock })
  const onBroken = ({ id }: Deployment, cause: unknown) =>
    logger.error({ event: 'deployment', deployment: id, cause }, 'this deployment gets no calls')
  const onCircuit = (deployment: string, circuit: string) =>
    logger[circuit === 'open' ? 'error' : 'info']({ event: 'circuit', deployment, circuit })
  const routing = createRouting({ clock, open, onBroken, onCircuit }, config.routing)
  closing.defer(() => routing.close())
  const follow = () => routing.follow(catalogue.list())
  follow()
  catalogue.onChange(follow)

  const limits = createLimits(config.limits, { clock, latest: keyring.latest })
  keyring.onChange(limits.keysChanged)
  const attempts = createAttemptTally()
  const keyTally = createKeyTally(keysMax)
  const relay = connectRelay({
    clock,
    catalogue,
    limits,
    routing,
    ledger,
    metrics,
    logger,
    attempts,
    keyTally,
  })
  const ports: HttpPorts = {
    clock,
    options: config.http,
    relayOptions: config.relay,
    relay,
    surfaces,
    verify(token) {
      const key = keyring.verify(token)
      if (key !== null) lastUse.note(key)
      return key
    },
    takeRequest: limits.takeRequest,
    stillOpens: keyring.stillOpens,
    onKeysChange: keyring.onChange,
    models: catalogue.visibleTo,
    keyOverview: async (key) => ({ ...(await limits.look(key)), usage: keyTally.usage(key.id) }),
    standing: watchStanding({ clock, catalogue, ledger, routing, attempts }),
    admin: {
      registry,
      checkDeployment,
      mayLead: allowedOrigins(config, credentials),
      usualLimits: config.limits,
      isGivenKey: keyring.isGiven,
      changed: async () => void (await Promise.all([keyring.refresh(), catalogue.refresh()])),
      resetCircuit: routing.resetCircuit,
    },
    refused: (refusal) => noteRefusal(refusal, metrics, logger),
    metrics,
    notReady: () => (ledger.state() === 'failing' ? 'the ledger cannot be written' : null),
  }
  const server = await buildServer(ports)
  closing.defer(() => server.close())
  metrics.watch('podgate_inflight_requests', () => [{ value: server.liveCalls() }])
  metrics.watch('podgate_queue_depth', () => queueDepths(routing))
  metrics.watch('podgate_circuit_state', () => circuitStates(routing))
  metrics.watch('podgate_held_bytes', () => [
    { labels: { side: 'upstream' }, value: heldAnswerBytes() },
    { labels: { side: 'client' }, value: server.heldBytes() },
  ])
  metrics.watch('podgate_log_lost_lines', () => [{ value: logger.lostLines() }])
  const { url } = await server.listen()
  const house = closing.move()
  return {
    url,
    modelIds: catalogue.list().map(({ id }) => id),
    routes: server.routes,
    logger,
    async close() {
      await house.disposeAsync()
      logger.flush()
    },
  }
}

const circuitValues = { closed: 0, 'half-open': 1, open: 2 } as const

function circuitStates(routing: Routing) {
  return routing.load().map(({ deployment, circuit }) => ({
    labels: { deployment },
    value: circuitValues[circuit],
  }))
}

function queueDepths(routing: Routing) {
  return routing.waiting().map(({ model, waiting }) => ({ labels: { model }, value: waiting }))
}
