// The upstream side of the contract, in a test's hands: capacity that it sets, and opens that it
// answers. For tests of what stands before an upstream; upstreams themselves have real sockets.
import {
  type Answer,
  type Deployment,
  Fault,
  type OpenContext,
  type Readiness,
  type Upstream,
  type UpstreamEvent,
  type UpstreamRequest,
} from '#src/domain/index.ts'

export interface Opened {
  request: UpstreamRequest
  context: OpenContext
  resolve(answer: Answer): void
  reject(cause: unknown): void
}

export interface ScriptedDeployment extends Upstream {
  opened: Opened[]
  isClosed: boolean
  setCapacity(capacity: number): void
  setReadiness(readiness: Readiness): void
  /** The next open, or one that came before. */
  nextOpen(): Promise<Opened>
}

export function scriptedDeployment(
  capacity = 1,
  changes: Partial<Pick<Upstream, 'cancellation' | 'speaks' | 'transport'>> = {},
): ScriptedDeployment {
  const listeners = new Set<() => void>()
  const waiting: ((one: Opened) => void)[] = []
  const unseen: Opened[] = []
  const opened: Opened[] = []
  let places = capacity
  let readiness: Readiness = { state: 'warm' }
  const self: ScriptedDeployment = {
    transport: 'scripted',
    bodyBytesMax: Number.POSITIVE_INFINITY,
    cancellation: 'proven',
    speaks: () => 'vllm',
    ...changes,
    opened,
    isClosed: false,
    readiness: () => readiness,
    capacity: () => places,
    setReadiness(next) {
      readiness = next
    },
    setCapacity(next) {
      places = next
      for (const listener of listeners) listener()
    },
    onChange(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    open(request, context) {
      const { promise, resolve, reject } = Promise.withResolvers<Answer>()
      const one = { request, context, resolve, reject }
      opened.push(one)
      const waiter = waiting.shift()
      if (waiter === undefined) unseen.push(one)
      else waiter(one)
      return promise
    },
    nextOpen() {
      const one = unseen.shift()
      return one === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(one)
    },
    async close() {
      self.isClosed = true
    },
  }
  return self
}

/** For fleets of which every deployment can be opened. */
function neverBroken(): never {
  throw new Error('a deployment could not be opened')
}

/** Routing without jitter, of which nobody hears. */
export const unheard = { onBroken: neverBroken, onCircuit: () => {}, random: () => 0 }

export interface ScriptedAnswer extends Answer {
  disposals(): number
}

/**
 * Gives what it holds, then null; a thing that is no event is what it rejects with. Together: all of
 * it is there at once.
 */
export function scriptedAnswer(
  script: readonly (UpstreamEvent | Error)[],
  isTogether = false,
): ScriptedAnswer {
  const rest = [...script]
  let disposals = 0
  return {
    dialect: 'vllm',
    timings: { queueMs: null, execMs: 12, workerId: 'worker-1', upstreamId: 'job-1' },
    async next() {
      const one = rest.shift()
      if (one instanceof Error) throw one
      return one ?? null
    },
    hasMore: () => isTogether && rest.length > 0,
    disposals: () => disposals,
    [Symbol.dispose]: () => {
      disposals += 1
    },
  }
}

/** Gives what it holds and then says nothing, until it is disposed. */
export function silentAnswer(script: readonly UpstreamEvent[], isTogether = false): Answer {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  const told = scriptedAnswer(script, isTogether)
  let left = script.length
  return {
    ...told,
    next: () => {
      left -= 1
      return left < 0 ? promise : told.next()
    },
    [Symbol.dispose]: () => reject(new Fault('client_gone', { message: 'It was let go of.' })),
  }
}

export function sampleDeployment(changes: Partial<Deployment> = {}): Deployment {
  return {
    id: 'deployment-1',
    kind: 'scripted',
    servedName: 'served/model',
    slots: 1,
    weight: 1,
    isThirdParty: false,
    firstByteMs: null,
    orphanHoldMs: null,
    warmForMs: null,
    gpu: null,
    options: {},
    isDisabled: false,
    ...changes,
  }
}

export function chunkEvent(value: Record<string, unknown>): UpstreamEvent {
  return { kind: 'chunk', text: JSON.stringify(value), value }
}
