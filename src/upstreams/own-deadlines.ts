// The deadlines of one deployment: its own if the registry has some, else the configured ones.
import type { Deployment } from '#domain'
import type { UpstreamOptions } from './options.ts'

/** What is returned is called for each attempt; it computes only after a change in the registry. */
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
