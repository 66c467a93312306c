// Connects the rooms to what http asks for.
import type { HttpPorts } from '#http'
import type { Keyring, LastUse } from '#keys'
import type { CheckDeployment } from '#models'
import type { RelayPorts } from '#relay'
import type { Registry } from '#storage'
import { surfaces } from '#surfaces'
import { allowedOrigins } from './allowed-origins.ts'
import type { SettingsOfKinds } from './kind-settings.ts'
import { noteRefusal } from './refusals.ts'
import type { Rooms } from './relay-ports.ts'
import type { Settings } from './settings.ts'
import { watchStanding } from './standing.ts'

interface HttpRooms extends Rooms {
  registry: Registry
  keyring: Keyring
  lastUse: LastUse
  relay: RelayPorts
  checkDeployment: CheckDeployment
  settingsOf: SettingsOfKinds
}

export function connectHttp({ config, kinds }: Settings, rooms: HttpRooms): HttpPorts {
  const { catalogue, keyring, lastUse, limits, ledger, metrics } = rooms
  return {
    clock: rooms.clock,
    options: config.http,
    relayOptions: config.relay,
    relay: rooms.relay,
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
    keyOverview: async (key) => ({
      ...(await limits.look(key)),
      usage: rooms.keyTally.usage(key.id),
    }),
    standing: watchStanding(rooms),
    admin: {
      registry: rooms.registry,
      checkDeployment: rooms.checkDeployment,
      mayLead: allowedOrigins(config.upstreams.origins, kinds, rooms.settingsOf),
      usualLimits: config.limits,
      isGivenKey: keyring.isGiven,
      changed: async () => void (await Promise.all([keyring.refresh(), catalogue.refresh()])),
      resetCircuit: rooms.routing.resetCircuit,
    },
    refused: (refusal) => noteRefusal(refusal, metrics, rooms.logger),
    metrics,
    notReady: () => (ledger.state() === 'failing' ? 'the ledger cannot be written' : null),
  }
}
