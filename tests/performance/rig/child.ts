// A process of the bench that can be asked for things: the mock upstream, the load generator and the
// bare relay each run alone, so that the CPU time of one is never mixed with another's.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

/** What can be asked: by kind, what is given and what comes back. */
export type Asks = Record<string, { given: unknown; back: unknown }>

export interface Child<A extends Asks> {
  pid: number
  ask<K extends keyof A & string>(kind: K, given: A[K]['given']): Promise<A[K]['back']>
  stop(): Promise<void>
}

type Handlers<A extends Asks> = {
  [K in keyof A & string]: (given: A[K]['given']) => A[K]['back'] | Promise<A[K]['back']>
}

interface Question {
  id: number
  kind: string
  given: unknown
}

interface Reply {
  id: number
  back?: unknown
  error?: string
}

export function startChild<A extends Asks>(path: URL): Child<A> {
  const child = fork(path, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  let asked = 0
  child.on('message', (message) => {
    const { id, back, error } = message as Reply // only our own child writes here
    const waiter = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) waiter?.resolve(back)
    else waiter?.reject(new Error(error))
  })
  child.on('exit', (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`${path} ended with ${code}`))
  })
  return {
    pid: child.pid ?? 0,
    ask(kind, given) {
      asked += 1
      const waiter = Promise.withResolvers<unknown>()
      waiting.set(asked, waiter)
      child.send({ id: asked, kind, given } satisfies Question)
      // The child answers each kind with what its handlers return for it.
      return waiter.promise as Promise<never>
    },
    stop: () => stopped(child),
  }
}

/** The child's side. It ends when its parent does. */
export function answerAsks<A extends Asks>(handlers: Handlers<A>): void {
  process.on('disconnect', () => process.exit(0))
  process.on('message', async (message) => {
    const { id, kind, given } = message as Question // only our own parent writes here
    try {
      const handler = handlers[kind]
      if (handler === undefined) throw new Error(`nobody answers ${kind}`)
      process.send?.({ id, back: await handler(given) } satisfies Reply)
    } catch (cause) {
      process.send?.({ id, error: String(cause) } satisfies Reply)
    }
  })
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}
