// The deadlines of one deployment: its own where the registry has some, else the configured ones.
import type { Deployment } from '#domain'
import type { UpstreamOptions } from './options.ts'

/** Asked for each attempt: made anew only where the registry says something else. */
export function ownDeadlines(
  latest: () => Deployment,
  configured: UpstreamOptions,
): () => UpstreamOptions {
  let known: Deployment | null = null
  let options = configured
  return () => {
    const deployment = latest()
    if (deployment !== known) {
      known = deployment
      const { firstByteMs, orphanHoldMs, warmForMs } = configured
      options = {
        ...configured,
        firstByteMs: deployment.firstByteMs ?? firstByteMs,
        orphanHoldMs: deployment.orphanHoldMs ?? orphanHoldMs,
        warmForMs: deployment.warmForMs ?? warmForMs,
      }
    }
    return options
  }
}
