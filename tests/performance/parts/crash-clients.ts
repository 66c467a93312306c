// Clients that ask without a pause, some for streams and some for whole answers, and remember the
// ids of the answers that they saw to the end. They stop when their connection breaks.
import { openConnection } from '../rig/raw-connection.ts'
import { type ModelId, requestText, type Target } from '../rig/wire-texts.ts'

export interface CrashClients {
  /** Resolves once so many answers were seen complete. */
  completed(count: number): Promise<void>
  /** Resolves when all connections are gone, with the ids of the complete answers. */
  ended(): Promise<readonly string[]>
}

const models: readonly ModelId[] = ['ticks-8', 'whole', 'ticks-8', 'whole', 'ticks-8', 'whole']
/** A breath between two calls of a client: the kill is to meet calls in all phases. */
const breathMs = 5

export function startCrashClients(target: Target): CrashClients {
  const ids: string[] = []
  const waiting: { count: number; resolve: () => void }[] = []

  function seen(id: string): void {
    ids.push(id)
    for (const { count, resolve } of waiting) if (ids.length >= count) resolve()
  }

  const ends = models.map((model) => runClient(target, model, seen))
  return {
    completed: (count) =>
      new Promise((resolve) => {
        waiting.push({ count, resolve })
        if (ids.length >= count) resolve()
      }),
    async ended() {
      await Promise.all(ends)
      return ids
    },
  }
}

function runClient(target: Target, model: ModelId, seen: (id: string) => void): Promise<void> {
  const connection = openConnection(target.port)
  const request = requestText(target, model)
  const { promise, resolve } = Promise.withResolvers<void>()
  connection.socket.once('close', resolve)

  function ask(): void {
    if (connection.socket.destroyed) return
    let id = ''
    let tail = ''
    let isGood = false
    const end = () => {
      if (isGood && id !== '') seen(id)
      id = ''
    }
    connection.send(request, {
      onHead(status, head) {
        isGood = status === 200
        id = /^x-request-id: (\S+)/im.exec(head)?.[1] ?? ''
      },
      onBody(bytes) {
        tail = (tail + bytes.toString('latin1', Math.max(0, bytes.length - 32))).slice(-32)
        // The mark of the end is the end, whether or not the connection lives to say so.
        if (model !== 'whole' && tail.endsWith('data: [DONE]\n\n')) end()
      },
      onEnd() {
        if (model === 'whole') end()
        setTimeout(ask, breathMs)
      },
    })
  }

  ask()
  return promise
}
