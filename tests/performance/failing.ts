// `npm run failing`: streams and whole answers while the ledger's file is locked by another process,
// or while the disk says ENOSPC or EROFS (injected by strace into the thread that writes). No chunk
// may wait for it, no end of an answer longer than `ledgerHoldMs`; refusals come at once, `/readyz`
// turns red and back, and the log says it once.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { ledgerPathOf } from '#src/storage/index.ts'
import type { GeneratorAsks } from './generator.ts'
import type { MockAsks } from './mock-vllm.ts'
import { startChild } from './rig/child.ts'
import { type GatewayHome, makeHome, startGatewayProcess } from './rig/gateway-process.ts'
import { openConnection } from './rig/raw-connection.ts'
import { requestText, type Target } from './rig/wire-texts.ts'

const streamCount = 40
const perSecond = 20
const holdMs = 5_000
const lockMs = 8_000
/** So many writes fail, each a tenth of a second after the one before. */
const failingWrites = 80

interface Disk {
  /** null: every write is good. */
  error: string | null
  /** The first that is not, counted from the start: how many come before depends on the machine. */
  from: number
}
const moreMsMax = 5
const moreHoldMsMax = 400
/** From the arrival of a call to its refusal. */
const refusalMsMax = 200

interface Seen {
  chunkMs: number
  /** The longest whole answer, and the longest refusal (no upstream was asked). */
  endMs: number
  refusalMs: number
  statuses: Record<number, number>
  reds: number
  greens: number
  said: number
  /** Of the ledger by a second after the load began, where strace counts them. */
  writes: number
}

const mock = startChild<MockAsks>(new URL('./mock-vllm.ts', import.meta.url))
const generator = startChild<GeneratorAsks>(new URL('./generator.ts', import.meta.url))
const upstreamPort = await mock.ask('listen', null)
let isGood = true

try {
  const usual = await run(null, null)
  report('usual', usual, usual)
  report('locked for 8 s', await run(null, lock), usual)
  const traced = await run({ error: null, from: 0 }, null)
  report('usual, under strace', traced, traced)
  for (const error of ['ENOSPC', 'EROFS']) {
    report(error, await run({ error, from: traced.writes }, null), traced)
  }
} finally {
  await generator.stop()
  await mock.stop()
}
process.exitCode = isGood ? 0 : 1

async function run(
  disk: Disk | null,
  trouble: ((home: GatewayHome) => Promise<void>) | null,
): Promise<Seen> {
  const home = await makeHome({ upstreamPort, slots: 1000, slowClientMs: 30_000 })
  const gateway = await startGatewayProcess(home, {
    before: disk === null ? [] : strace(home, disk),
  })
  try {
    // What is compiled late must not look like a disk that is slow.
    for (let round = 0; round < 3; round += 1) {
      await generator.ask('streams', {
        target: home.target,
        model: 'ticks-100',
        count: streamCount,
      })
    }
    const load = { target: home.target, model: 'ticks-1000', count: streamCount } as const
    const over = new AbortController()
    const streams = generator.ask('streams', load).finally(() => over.abort())
    const calls = askAlways(home.target, over.signal)
    const readiness = watchReadiness(home.target, over.signal)
    await delay(500)
    await trouble?.(home)
    await delay(1000)
    const writes = countLines(join(home.folder, 'writes'))
    const { p99Ms } = await streams
    await delay(1500)
    const [ends, { reds, greens }] = [await calls, await readiness]
    await gateway.kill('SIGTERM')
    const log = readFileSync(join(home.folder, 'gateway.log'), 'utf8')
    const said = log.split('"event":"ledger","state":"failing"').length - 1
    return { chunkMs: p99Ms, ...ends, reds, greens, said, writes }
  } finally {
    await gateway.kill('SIGKILL')
    home.remove()
  }
}

function strace({ folder, storage }: GatewayHome, { error, from }: Disk): string[] {
  const ledger = ledgerPathOf(storage)
  const paths = [ledger, `${ledger}-wal`].flatMap((path) => ['-P', path])
  const failing = `when=${from}..${from + failingWrites}`
  const inject = error === null ? [] : ['-e', `inject=pwrite64:error=${error}:${failing}`]
  const watched = ['-f', '--seccomp-bpf', '-e', 'trace=pwrite64', ...paths]
  return ['strace', ...watched, ...inject, '-o', join(folder, 'writes')]
}

function countLines(path: string): number {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0
}

async function lock({ storage }: GatewayHome): Promise<void> {
  const other = new Database(ledgerPathOf(storage), { timeout: 5000 })
  other.exec('begin immediate')
  await delay(lockMs)
  other.exec('rollback')
  other.close()
}

/** Whole answers at an even pace, each on a connection of its own. */
async function askAlways(target: Target, signal: AbortSignal) {
  const statuses: Record<number, number> = {}
  const found = { endMs: 0, refusalMs: 0, statuses }
  const open: Promise<void>[] = []
  while (!signal.aborted) {
    open.push(askOnce(target, found))
    await delay(1000 / perSecond)
  }
  await Promise.all(open)
  return found
}

function askOnce(target: Target, found: Pick<Seen, 'endMs' | 'refusalMs' | 'statuses'>) {
  const { promise, resolve } = Promise.withResolvers<void>()
  const connection = openConnection(target.port)
  const sinceMs = performance.now()
  let status = 0
  let body = ''
  connection.send(requestText(target, 'whole', 512), {
    onHead(given) {
      status = given
    },
    onBody(bytes) {
      body += bytes.toString('latin1')
    },
    onEnd() {
      const tookMs = performance.now() - sinceMs
      found.statuses[status] = (found.statuses[status] ?? 0) + 1
      const isRefusal = status === 503 && body.includes('cannot record calls')
      if (isRefusal) found.refusalMs = Math.max(found.refusalMs, tookMs)
      else found.endMs = Math.max(found.endMs, tookMs)
      connection.socket.destroy()
      resolve()
    },
    onClose: () => resolve(),
  })
  return promise
}

/** How often it turned red, and green again. */
async function watchReadiness({ port }: Target, signal: AbortSignal) {
  const turns = { reds: 0, greens: 0 }
  let wasReady = true
  const look = async () => {
    const isReady = (await fetch(`http://127.0.0.1:${port}/readyz`)).ok
    if (isReady && !wasReady) turns.greens += 1
    if (!isReady && wasReady) turns.reds += 1
    wasReady = isReady
  }
  while (!signal.aborted) {
    await look()
    await delay(50)
  }
  await look()
  return turns
}

function report(name: string, seen: Seen, usual: Seen): void {
  const isTrouble = seen !== usual
  const mistakes = [
    seen.chunkMs > usual.chunkMs + moreMsMax ? 'chunks waited' : null,
    seen.endMs > holdMs + moreHoldMsMax ? 'an end waited' : null,
    seen.refusalMs > refusalMsMax ? 'a refusal waited' : null,
    isTrouble && (seen.reds !== 1 || seen.greens !== 1) ? 'readiness did not turn' : null,
    seen.said !== Number(isTrouble) ? `the log said it ${seen.said} times` : null,
  ].filter((mistake) => mistake !== null)
  isGood &&= mistakes.length === 0
  process.stdout.write(
    `${mistakes.length === 0 ? 'ok' : mistakes.join(', ')}  ${name}: p99 chunk delay ` +
      `${seen.chunkMs.toFixed(1)} ms, longest end ${seen.endMs.toFixed(0)} ms, longest refusal ` +
      `${seen.refusalMs.toFixed(0)} ms, ${JSON.stringify(seen.statuses)}, ready again ` +
      `${seen.greens} of ${seen.reds}, said ${seen.said}\n`,
  )
}
