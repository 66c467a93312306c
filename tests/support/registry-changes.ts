// How commands change the registry, for tests that only need it changed.
import type { ApplyOptions } from '#src/models/index.ts'

/** A `models apply` in a registry whose keys nobody minds. */
export function byCommand(nowMs = 1, changes: Partial<ApplyOptions> = {}): ApplyOptions {
  return {
    dryRun: false,
    force: false,
    nowMs,
    actor: 'cli',
    runningKeys: async () => [],
    ...changes,
  }
}
