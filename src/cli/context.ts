// What a command may touch besides the rooms: where it writes, how wide that is, and the settings,
// which are loaded only when a command runs, so that `--help` works with a broken configuration.
import type { CheckDeployment } from '#models'
import { openRegistry, type Registry, type StorageOptions } from '#storage'

export interface CliSettings {
  storage: StorageOptions
  /** Where the gateway of these settings listens. */
  http: { host: string; port: number }
  /** API_ADMIN_KEY. */
  adminKey: string | null
}

/** Flags of `podgate` itself, which every command has. */
export interface SharedFlags {
  config?: string
}

export interface CliContext {
  loadSettings(): CliSettings
  /** The result: standard output. */
  out(line: string): void
  /** Resolves when whoever reads the output has caught up. */
  outDrained(): Promise<void>
  /** Everything said besides: standard error. */
  err(line: string): void
  /** Whether `out` is a terminal: only there are tables cut to fit … */
  isTerminal: boolean
  /** … and only there emphasised, unless NO_COLOR forbids it. */
  hasColour: boolean
  columns: number
  nowMs(): number
  /** The upstream kinds' opinion of a deployment's options. */
  checkDeployment?: CheckDeployment
}

/** The command worked, and its answer is no: exit code 1 and one line. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure'
}

/** A command has no event loop to keep free, so it waits for a busy registry much longer. */
const busyTimeoutMs = 5000

export async function withRegistry<T>(
  context: CliContext,
  work: (registry: Registry) => Promise<T>,
): Promise<T> {
  const { path } = context.loadSettings().storage
  const registry = await openRegistry({ path, busyTimeoutMs })
  try {
    return await work(registry)
  } finally {
    await registry.close()
  }
}

/** https://no-color.org: set, and not to nothing. */
export function wantsColour({ NO_COLOR }: Record<string, string | undefined>): boolean {
  return NO_COLOR === undefined || NO_COLOR === ''
}

export function printJson(context: CliContext, value: unknown): void {
  context.out(JSON.stringify(value, null, 2))
}
