// `configs/local.env`: a developer's own environment, kept out of the repository. It may be absent
// and never overrides what the environment already says. An empty variable says nothing.
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'

export function loadEnvFile(path: string, env: Record<string, string | undefined>): void {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return
    throw cause
  }
  for (const [name, value] of Object.entries(parseEnv(text))) {
    if ((env[name] ?? '') === '') env[name] = value
  }
}
