// `npm run crash -- --kills N`: kills the gateway without warning under load, again and again, on
// the same data, while a command writes to the registry. Every answer that a client saw complete
// must be in the ledger exactly once, both databases must be whole, and the next start must work.
//
//   --synchronous full   an fsync for each commit
//   --threads            the ledger's thread is killed four times before each kill of the process
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { MockAsks } from './mock-vllm.ts'
import { startCrashClients } from './parts/crash-clients.ts'
import { startRegistryWriter } from './parts/registry-writer.ts'
import { checkDatabases } from './parts/whole-databases.ts'
import { startChild } from './rig/child.ts'
import { type GatewayProcess, makeHome, startGatewayProcess } from './rig/gateway-process.ts'

const { values: flags } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    synchronous: { type: 'string', default: 'normal' },
    threads: { type: 'boolean', default: false },
  },
})
const kills = Number(flags.kills)
const threadKills = flags.threads ? 4 : 0
const threadKiller = new URL('./thread-killer.ts', import.meta.url).href
/** Seen complete between a start and its kill, at the least. */
const answersMin = 20
/** After those, the kill comes at a moment that nobody knows. */
const surpriseMsMax = 150

const startMs = performance.now()
const mock = startChild<MockAsks>(new URL('./mock-vllm.ts', import.meta.url))
const upstreamPort = await mock.ask('listen', null)
const home = await makeHome({
  upstreamPort,
  slots: 64,
  slowClientMs: 30_000,
  ledgerSynchronous: flags.synchronous,
})
const writer = startRegistryWriter(home)
const mistakes: string[] = []
const seen = new Set<string>()
let killed = 0
let gateway: GatewayProcess | null = null

try {
  for (let kill = 1; kill <= kills && mistakes.length === 0; kill += 1) {
    gateway = await startGatewayProcess(home, {
      nodeFlags: flags.threads ? ['--import', threadKiller] : [],
    })
    const clients = startCrashClients(home.target)
    for (let part = 1; part <= threadKills; part += 1) {
      await clients.completed(part * answersMin)
      await surprise()
      gateway.child.kill('SIGUSR2')
    }
    await clients.completed((threadKills + 1) * answersMin)
    await surprise()
    await gateway.kill('SIGKILL')
    killed = kill
    for (const id of await clients.ended()) {
      if (seen.has(id)) mistakes.push(`two answers have the id ${id}`)
      seen.add(id)
    }
    mistakes.push(...checkDatabases(home.storage, seen).map((text) => `kill ${kill}: ${text}`))
  }
  gateway = await startGatewayProcess(home)
  await gateway.kill('SIGTERM')
  const { exitCode } = gateway.child
  if (exitCode !== 0) mistakes.push(`the last end had code ${exitCode}`)
  mistakes.push(...checkDatabases(home.storage, seen))
} catch (cause) {
  // A run that broke off proves nothing: it must not read as one that found nothing.
  mistakes.push(`broke off after ${killed} of ${kills} kills: ${cause}`)
} finally {
  await gateway?.kill('SIGKILL')
  const written = await writer.stop()
  mistakes.push(...written.failures)
  const log = readFileSync(join(home.folder, 'gateway.log'), 'utf8')
  const threadsEnded = log.split('the ledger’s thread has ended').length - 1
  if (flags.threads && threadsEnded === 0) mistakes.push('no thread was killed')
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
  const verdict = mistakes.length === 0 ? 'nothing lost' : `FAILED: ${mistakes.join('; ')}`
  process.stdout.write(
    `${killed} of ${kills} kills, ${threadsEnded} of threads, ` +
      `${seen.size} answers seen complete, ` +
      `${written.commands} commands beside them, ${seconds} s: ${verdict}\n`,
  )
  await mock.stop()
  home.remove()
}
process.exitCode = mistakes.length === 0 ? 0 : 1

function surprise(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * surpriseMsMax))
}
