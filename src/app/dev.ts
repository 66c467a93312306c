// What `ENV=dev` adds, so that one command on a fresh machine is a whole working product: keys that
// are kept in `data/`, and, when no RunPod is configured, a simulated one in this process.
import { dirname, join } from 'node:path'
import { systemClock } from '#domain'
import { keptKey } from './dev-keys.ts'
import { type Gateway, startGateway } from './gateway.ts'
import type { Settings } from './settings.ts'

export interface DevGateway extends Gateway {
  apiKey: string
  adminKey: string
  /** null when calls go to a real RunPod. */
  simulatorUrl: string | null
}

export async function startDev(settings: Settings): Promise<DevGateway> {
  const folder = dirname(settings.config.storage.path)
  const apiKey = keptKey(join(folder, 'dev-key'), 'dev')
  const adminKey = settings.secrets.adminKey ?? keptKey(join(folder, 'dev-admin-key'), 'dev-admin')
  const simulator = settings.wantsSimulator ? await openSimulator() : null
  try {
    const gateway = await startGateway(settings, { apiKeys: [apiKey], adminKey, simulator })
    return {
      ...gateway,
      apiKey,
      adminKey,
      simulatorUrl: simulator?.url ?? null,
      async close() {
        // Also when closing the gateway fails (rows of the ledger are lost): the process would not
        // end otherwise.
        await gateway.close().finally(() => simulator?.close())
      },
    }
  } catch (cause) {
    await simulator?.close()
    throw cause
  }
}

/**
 * On any free port: only this gateway needs to know it. The simulator is loaded only here, because
 * in production its modules would take up memory for nothing.
 */
async function openSimulator() {
  const { simulatorOptions, startSimulator } = await import('#simulator')
  const options = simulatorOptions.parse({ port: 0 })
  const { url, close } = await startSimulator(options, systemClock)
  return { url, key: options.key, close }
}
