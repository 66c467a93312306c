// One simulated RunPod account. All state belongs to an account (endpoints, fault rules, chance,
// clock), so several accounts run side by side without touching one another, and the same seed
// gives the same run down to the ids.
import type { Clock } from '#domain'
import { openBill } from './bill/bill.ts'
import type { Account, Endpoint, OpenCrew } from './contract.ts'
import { openFaultRules } from './control/fault-rules.ts'
import { openEndpoint } from './endpoint/endpoint.ts'
import { type Chance, chanceFrom, hashOf, hexDigits } from './engine/random.ts'
import { openExternalCrew } from './external/external-crew.ts'
import { openWebhooks } from './jobs/webhooks.ts'
import type { SimulatorOptions } from './options.ts'
import { openProvider } from './provider/provider.ts'
import { openSimulatedCrew } from './worker/simulated-crew.ts'
import type { WorkerEvents } from './worker/worker-events.ts'

export function openAccount(
  options: SimulatorOptions,
  clock: Clock,
  openCrew: OpenCrew = openCrewOf,
): Account {
  const endpoints = new Map<string, Endpoint>()
  const chanceOf = (name: string) => chanceFrom(hashOf(options.seed, name))
  const jobIds = chanceOf('job ids')
  const bill = openBill(clock.ticksMs)
  const listeners = new Set<WorkerEvents>([bill.note])

  const account: Account = {
    options,
    clock,
    rules: openFaultRules(options.seed, options.faults),
    endpoints,
    webhooks: openWebhooks(options, chanceOf('webhooks'), clock),
    provider: openProvider(options, clock, chanceOf('provider')),
    chanceOf,
    newJobId: (kind) => `${kind === 'runsync' ? 'sync-' : ''}${uuidFrom(jobIds)}-u1`,
    addEndpoint(id, model) {
      const endpoint = openEndpoint(id, model, account, openCrew)
      endpoints.set(id, endpoint)
      return endpoint
    },
    removeEndpoint(id) {
      endpoints.get(id)?.close('endpoint not found')
      return endpoints.delete(id)
    },
    bill,
    onWorkerEvent(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    tell(event) {
      for (const listener of listeners) listener(event)
    },
    close() {
      account.webhooks.close()
      account.provider.close()
      for (const endpoint of endpoints.values()) endpoint.close(null)
    },
  }
  for (const [id, model] of Object.entries(options.endpoints)) account.addEndpoint(id, model)
  return account
}

/** Simulated workers, unless the endpoint is to have real ones, which know jobs only. */
const openCrewOf: OpenCrew = (ports) =>
  ports.model().workers === 'external' && ports.model().type === 'queue'
    ? {
        crew: openExternalCrew(ports.queue, ports.account.options, ports.account.clock),
        fleet: null,
      }
    : openSimulatedCrew(ports)

/** A version 4 UUID. */
function uuidFrom(chance: Chance): string {
  const digits = [...hexDigits(chance, 32)]
  digits[12] = '4'
  digits[16] = (8 + chance.below(4)).toString(16)
  return digits.join('').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
