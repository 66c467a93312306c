// Opens routing over the kinds of upstream, has it follow the registry, and logs what it finds out
// about deployments: one that cannot be opened, a circuit that opens or closes.
import type { Deployment } from '#domain'
import { createRouting, type Routing } from '#routing'
import { openUpstream } from '#upstreams'
import type { KindSources, SettingsOfKinds } from './kind-settings.ts'
import type { Rooms } from './relay-ports.ts'

export function openNotedRouting(
  { config, kinds }: KindSources,
  settingsOf: SettingsOfKinds,
  { clock, catalogue, logger }: Pick<Rooms, 'clock' | 'catalogue' | 'logger'>,
): Routing {
  const open = (latest: () => Deployment) => {
    const deployment = latest()
    const settings = settingsOf(deployment.kind)
    const context = { deployment, latest, options: config.upstreams, settings, clock }
    return openUpstream(context, kinds)
  }
  const onBroken = ({ id }: Deployment, cause: unknown) =>
    logger.error({ event: 'deployment', deployment: id, cause }, 'this deployment gets no calls')
  const onCircuit = (deployment: string, circuit: string) =>
    logger[circuit === 'open' ? 'error' : 'info']({ event: 'circuit', deployment, circuit })
  const routing = createRouting({ clock, open, onBroken, onCircuit }, config.routing)
  const follow = () => routing.follow(catalogue.list())
  follow()
  catalogue.onChange(follow)
  return routing
}
