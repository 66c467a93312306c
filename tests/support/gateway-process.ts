// The gateway as operators run it: a process of its own, in a folder of its own, told everything by
// files and environment, and watched by what it prints and how it ends.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type RunningProcess, startCommand } from './running-process.ts'
import { temporaryFolder } from './temporary-folder.ts'

export interface GatewayProcess extends RunningProcess {
  folder: string
}

export interface ProcessGiven {
  /** `configs/<ENV>/…` in the process' folder. Files are JSON, which is YAML. */
  gateway?: unknown
  models?: readonly unknown[]
  env?: Record<string, string>
  args?: readonly string[]
  folder?: string
}

export function startProcess(given: ProcessGiven): GatewayProcess {
  const folder = given.folder ?? temporaryFolder()
  const env = { ENV: 'dev', API_PORT: '0', ...given.env }
  const configs = join(folder, 'configs', env.ENV)
  mkdirSync(configs, { recursive: true })
  if (given.gateway) writeFileSync(join(configs, 'gateway.yaml'), JSON.stringify(given.gateway))
  if (given.models) {
    writeFileSync(join(configs, 'models.yaml'), JSON.stringify({ models: given.models }))
  }
  return { ...startCommand(folder, ['serve', ...(given.args ?? [])], env), folder }
}

/** Its address, once it takes calls. */
export async function urlOf(gateway: Pick<RunningProcess, 'printed'>): Promise<string> {
  const [, url = ''] = await gateway.printed(/"event":"started","url":"([^"]+)"/)
  return url
}
