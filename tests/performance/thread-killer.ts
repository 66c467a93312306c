// Loaded into a gateway before it starts (`node --import`): with each SIGUSR2 the ledger's thread
// ends, in turn by an error that nobody catches and by being terminated.
import { isMainThread, type Worker } from 'node:worker_threads'

const channel = new BroadcastChannel('thread-killer')
channel.unref()

if (isMainThread) {
  let thread: Worker | null = null
  let kills = 0
  process.on('worker', (worker) => {
    thread = worker
  })
  process.on('SIGUSR2', () => {
    kills += 1
    if (kills % 2 === 0) void thread?.terminate()
    else channel.postMessage(null)
  })
} else {
  channel.onmessage = () => {
    setImmediate(() => {
      throw new Error('The bench has killed this thread.')
    })
  }
}
