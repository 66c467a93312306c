// Everything around a measurement: the mock upstream, the generator, and the two contenders between
// them, each a process of its own.
import type { BareAsks } from '../bare-relay.ts'
import type { GeneratorAsks } from '../generator.ts'
import type { MockAsks } from '../mock-vllm.ts'
import type { SimulatorAsks } from '../simulator.ts'
import { type Child, startChild } from './child.ts'
import { type GatewayHome, makeHome, startGatewayProcess } from './gateway-process.ts'
import { pin } from './process-figures.ts'
import { type Disk, straceBefore } from './slow-disk.ts'
import type { Target } from './wire-texts.ts'

export interface Contender {
  name: 'bare relay' | 'gateway'
  pid: number
  target: Target
  stop(): Promise<void>
}

export interface GatewayContender extends Contender {
  home: GatewayHome
}

export interface Rig {
  mock: Child<MockAsks>
  generator: Child<GeneratorAsks>
  startBare(): Promise<Contender>
  startGateway(options?: {
    slots?: number
    slowClientMs?: number
    nodeFlags?: readonly string[]
    /** The `src` of another version. */
    source?: string
    /** Under strace. */
    disk?: Disk
    /** A second start: the first one has written what Node makes of the source. */
    isCompiled?: boolean
  }): Promise<GatewayContender>
  /** Its one endpoint is `paced`. */
  startSimulator(given: SimulatorAsks['listen']['given']): Promise<Target>
  close(): Promise<void>
}

const moduleUrl = (name: string) => new URL(`../${name}.ts`, import.meta.url)

export async function openRig(): Promise<Rig> {
  const mock = startChild<MockAsks>(moduleUrl('mock-vllm'))
  const generator = startChild<GeneratorAsks>(moduleUrl('generator'))
  pin(mock.pid, 'surroundings')
  pin(generator.pid, 'surroundings')
  const upstreamPort = await mock.ask('listen', null)
  const ends: (() => Promise<void>)[] = [mock.stop, generator.stop]
  return {
    mock,
    generator,
    async startBare() {
      const bare = startChild<BareAsks>(moduleUrl('bare-relay'))
      ends.unshift(bare.stop)
      pin(bare.pid, 'contender')
      const port = await bare.ask('listen', { upstreamPort })
      const target = { port, key: 'no-key-is-looked-at' }
      return { name: 'bare relay', pid: bare.pid, target, stop: bare.stop }
    },
    async startGateway(options = {}) {
      const { slots = 1000, slowClientMs = 30_000, nodeFlags = [], source, disk } = options
      const home = await makeHome({ upstreamPort, slots, slowClientMs, ...(source && { source }) })
      if (options.isCompiled) {
        // What is compiled holds for the same flags only.
        await (await startGatewayProcess(home, { nodeFlags })).kill('SIGTERM')
      }
      const before = disk === undefined ? [] : straceBefore(home, disk)
      const gateway = await startGatewayProcess(home, { nodeFlags, before })
      const stop = async () => {
        await gateway.kill(nodeFlags.length === 0 ? 'SIGKILL' : 'SIGTERM')
        home.remove()
      }
      ends.unshift(stop)
      pin(gateway.pid, 'contender')
      return { name: 'gateway', pid: gateway.pid, target: home.target, home, stop }
    },
    async startSimulator(given) {
      const simulator = startChild<SimulatorAsks>(moduleUrl('simulator'))
      ends.unshift(simulator.stop)
      pin(simulator.pid, 'contender')
      return simulator.ask('listen', given)
    },
    async close() {
      for (const end of ends) await end()
    },
  }
}
