// `npm run crash -- --kills N`: kills the gateway without warning under load, again and again, on
// the same data, while a command writes to the registry. Every answer that a client saw complete
// must be in the ledger exactly once, both databases must be whole, and the next start must work.
import { parseArgs } from 'node:util'
import type { MockAsks } from './mock-vllm.ts'
import { startCrashClients } from './parts/crash-clients.ts'
import { startRegistryWriter } from './parts/registry-writer.ts'
import { checkDatabases } from './parts/whole-databases.ts'
import { startChild } from './rig/child.ts'
import { type GatewayProcess, makeHome, startGatewayProcess } from './rig/gateway-process.ts'

const { values: flags } = parseArgs({ options: { kills: { type: 'string', default: '100' } } })
const kills = Number(flags.kills)
/** Seen complete between a start and its kill, at the least. */
const answersMin = 20
/** After those, the kill comes at a moment that nobody knows. */
const surpriseMsMax = 150

const startMs = performance.now()
const mock = startChild<MockAsks>(new URL('./mock-vllm.ts', import.meta.url))
const upstreamPort = await mock.ask('listen', null)
const home = await makeHome({ upstreamPort, slots: 64, slowClientMs: 30_000 })
const writer = startRegistryWriter(home)
const mistakes: string[] = []
const seen = new Set<string>()
let killed = 0
let gateway: GatewayProcess | null = null

try {
  for (let kill = 1; kill <= kills && mistakes.length === 0; kill += 1) {
    gateway = await startGatewayProcess(home)
    const clients = startCrashClients(home.target)
    await clients.completed(answersMin)
    await new Promise((resolve) => setTimeout(resolve, Math.random() * surpriseMsMax))
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
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
  const verdict = mistakes.length === 0 ? 'nothing lost' : `FAILED: ${mistakes.join('; ')}`
  process.stdout.write(
    `${killed} of ${kills} kills, ${seen.size} answers seen complete, ` +
      `${written.commands} commands beside them, ${seconds} s: ${verdict}\n`,
  )
  await mock.stop()
  home.remove()
}
process.exitCode = mistakes.length === 0 ? 0 : 1
