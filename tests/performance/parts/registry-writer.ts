// Commands that write to the registry while the gateway runs, dies and starts again: keys are made
// and the models are applied anew, one command after the other until it is told to stop.
import { setTimeout as delay } from 'node:timers/promises'
import { type GatewayHome, runCommand } from '../rig/gateway-process.ts'

export interface RegistryWriter {
  stop(): Promise<{ commands: number; failures: string[] }>
}

/** Starting a command costs a core for a while, and the gateway starts beside it. */
const pauseMs = 200

export function startRegistryWriter(home: GatewayHome): RegistryWriter {
  const written = { commands: 0, failures: [] as string[] }
  let isStopped = false

  async function write(): Promise<void> {
    while (!isStopped) {
      const isEven = written.commands % 2 === 0
      const args = isEven
        ? ['keys', 'create', '--name', `crash-${written.commands}`]
        : ['models', 'apply', home.modelsPath]
      await runCommand(home, args).catch((cause) => written.failures.push(String(cause)))
      written.commands += 1
      await delay(pauseMs)
    }
  }

  const writing = write()
  return {
    async stop() {
      isStopped = true
      await writing
      return written
    },
  }
}
