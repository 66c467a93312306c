// Builds the house: opens every room, connects them, listens; and closes them in the order in which
// nothing is lost. Nothing but this room knows every room.
import { createKeyTally } from '#accounting'
import { type Clock, systemClock } from '#domain'
import { buildServer } from '#http'
import { keepLastUse, openKeyring, runningKeys } from '#keys'
import { createLimits } from '#limits'
import { type CheckDeployment, openCatalogue, readModels } from '#models'
import {
  createAttemptTally,
  createLogger,
  createMetrics,
  type Logger,
  maskSecrets,
} from '#observability'
import { openRegistry, type Registry } from '#storage'
import { checkDeployment as checkOfKinds, type SimulatorDoor } from '#upstreams'
import { watchGauges } from './gauges.ts'
import { connectHttp } from './http-ports.ts'
import { settingsOfKinds } from './kind-settings.ts'
import { openNotedLedger } from './noted-ledger.ts'
import { openNotedRouting } from './noted-routing.ts'
import { connectRelay } from './relay-ports.ts'
import { seedModels } from './seed-models.ts'
import type { Settings } from './settings.ts'
import { refuseHalfConfigured, type StartFacts, unreadableMedia } from './start-mistakes.ts'

/** So that a change by another process holds here within a second, also on a busy machine. */
const pollMs = 250
/** Keys whose usage is counted: far more than any registry has. */
const keysMax = 100_000

/** What `dev` adds to the settings: keys of its own, and a simulator in this process. */
export interface Additions {
  apiKeys: readonly string[]
  adminKey: string | null
  simulator: SimulatorDoor | null
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
  const { config, environment, kinds } = settings
  const clock = additions.clock ?? systemClock
  const keys = givenKeys(settings, additions)
  const logger = openLog(settings, additions)
  const settingsOf = settingsOfKinds(settings, additions.simulator)
  const checkDeployment: CheckDeployment = (kind, options) => checkOfKinds(kind, options, kinds)

  await using closing = new AsyncDisposableStack()
  const registry = await openRegistry(config.storage)
  closing.defer(() => registry.close())
  const onTrouble = (cause: unknown) => logger.error({ event: 'registry', cause })
  const polling = { clock, pollMs, onTrouble }
  const catalogue = closing.use(await openCatalogue(registry, polling))
  if (await seedModels(registry, environment, checkDeployment)) await catalogue.refresh()
  const keyring = closing.use(await openKeyring(registry, { ...polling, ...keys }))
  const lastUse = closing.use(keepLastUse(registry, { clock, onTrouble }))
  const running = await runningKeys(registry.db, clock.nowMs())
  const keyCount = running.length + keys.bootstrapKeys.length
  await checkStart(registry, { environment, keyCount, kinds, settingsOf }, logger)

  const ledger = await openNotedLedger({ ...config.storage, ...config.retention }, clock, logger)
  closing.defer(() => ledger.close())
  const metrics = createMetrics({ isKnownModel: (id) => catalogue.find(id) !== null })
  const routing = openNotedRouting(settings, settingsOf, { clock, catalogue, logger })
  closing.defer(() => routing.close())
  const limits = createLimits(config.limits, { clock, latest: keyring.latest })
  keyring.onChange(limits.keysChanged)
  const attempts = createAttemptTally()
  const keyTally = createKeyTally(keysMax)
  const rooms = { clock, catalogue, limits, routing, ledger, metrics, logger, attempts, keyTally }
  const relay = connectRelay(rooms)
  const doors = { registry, keyring, lastUse, relay, checkDeployment, settingsOf }
  const server = await buildServer(connectHttp(settings, { ...rooms, ...doors }))
  closing.defer(() => server.close())
  watchGauges(metrics, { server, routing, logger })
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

function givenKeys({ secrets }: Settings, { apiKeys, adminKey }: Additions) {
  return {
    bootstrapKeys: [...secrets.apiKeys, ...apiKeys],
    adminKey: secrets.adminKey ?? adminKey,
  }
}

function openLog(settings: Settings, { apiKeys, adminKey, writeLog }: Additions): Logger {
  maskSecrets([...settings.secrets.all(), ...apiKeys, adminKey ?? ''])
  const logger = createLogger({
    level: settings.config.log.level,
    isBuffered: settings.environment === 'prod',
    ...(writeLog === undefined ? {} : { write: writeLog }),
  })
  for (const warning of settings.warnings) logger.warn({ event: 'config' }, warning)
  return logger
}

/** Warns of policies that have no effect, and throws if something that calls need is missing. */
async function checkStart(
  { db }: Registry,
  facts: Omit<StartFacts, 'models'>,
  logger: Logger,
): Promise<void> {
  const models = await readModels(db)
  for (const warning of unreadableMedia(models)) logger.warn({ event: 'config' }, warning)
  refuseHalfConfigured({ ...facts, models })
}
