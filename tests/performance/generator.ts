// The clients: a closed loop of short calls and an open one, streams whose every chunk is timed or
// which are only held open, and clients that ask and then never read.
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { answerAsks } from './rig/child.ts'
import { latenessMs } from './rig/lateness.ts'
import {
  type Held,
  type HoldAsk,
  type HoldFigures,
  holdStreams,
  type OpenLoopAsk,
  type OpenLoopFigures,
  openLoop,
} from './rig/open-loop.ts'
import { machineMs } from './rig/process-figures.ts'
import { quantilesOf } from './rig/quantiles.ts'
import { openConnection } from './rig/raw-connection.ts'
import {
  type ModelId,
  pacedText,
  postText,
  requestText,
  stampIn,
  type Target,
} from './rig/wire-texts.ts'
import { worstBody } from './rig/worst-bodies.ts'

export interface StreamFigures {
  streams: number
  /** Ended with their mark of the end. */
  completed: number
  chunks: number
  inOrder: boolean
  p50Ms: number
  p99Ms: number
}

export type GeneratorAsks = {
  closedLoop: {
    given: { target: Target; connections: number; bodyBytes: number; durationMs: number }
    back: { answers: number; failures: number; wallMs: number }
  }
  /** Calls at planned moments. */
  openLoop: { given: OpenLoopAsk; back: OpenLoopFigures }
  streams: { given: { target: Target; model: ModelId; count: number }; back: StreamFigures }
  /** Streams that stay open until they are let go. */
  hold: { given: HoldAsk; back: HoldFigures }
  letGo: { given: null; back: null }
  /** Streams of the simulator whose chunks come at known moments. */
  paced: {
    given: {
      target: Target
      count: number
      chunksEach: number
      stepMs: number
      /** Between the first stream's start and the last one's. */
      spreadMs: number
    }
    back: { completed: number; chunks: number; p50Ms: number; p99Ms: number; maxMs: number }
  }
  /** Makes bodies of one kind, so that the client costs little while they are sent. */
  makeBodies: { given: { target: Target; kind: string; count: number }; back: null }
  /** Sends them, one after another on one connection: the statuses that were not expected. */
  sendBodies: { given: { target: Target }; back: { unexpected: number[] } }
  stall: { given: { target: Target; count: number }; back: null }
  /** The stalled clients read again: how their answers ended. */
  unstall: { given: null; back: { cut: number; complete: number } }
}

let stalled: Socket[] = []
let worstBodies: { request: Buffer; expected: number }[] = []
let held: Held | null = null

answerAsks<GeneratorAsks>({
  closedLoop,
  openLoop,
  streams,
  async hold(ask) {
    held = await holdStreams(ask)
    return held.figures
  },
  letGo() {
    held?.letGo()
    held = null
    return null
  },
  paced,
  makeBodies({ target, kind, count }) {
    worstBodies = Array.from({ length: count }, () => {
      const { path, text, status } = worstBody(kind)
      return { request: Buffer.from(postText(target, path, text)), expected: status }
    })
    return null
  },
  sendBodies,
  async stall({ target, count }) {
    const opened = Array.from({ length: count }, () => openStalled(target))
    stalled = await Promise.all(opened)
    return null
  },
  async unstall() {
    const ends = await Promise.all(stalled.map(readToEnd))
    stalled = []
    const complete = ends.filter((isComplete) => isComplete).length
    return { cut: ends.length - complete, complete }
  },
})

async function closedLoop(given: GeneratorAsks['closedLoop']['given']) {
  const { target, connections, bodyBytes, durationMs } = given
  const request = Buffer.from(requestText(target, 'whole', bodyBytes))
  const startMs = machineMs()
  let answers = 0
  let failures = 0
  let isOver = false
  function run(done: () => void): void {
    const connection = openConnection(target.port)
    const finish = () => {
      connection.socket.destroy()
      done()
    }
    const sink = {
      onHead: (status: number) => {
        if (status !== 200) failures += 1
      },
      onEnd() {
        answers += 1
        if (isOver) finish()
        else connection.send(request, sink)
      },
      onClose() {
        failures += 1
        finish()
      },
    }
    connection.send(request, sink)
  }
  setTimeout(() => {
    isOver = true
  }, durationMs)
  await Promise.all(Array.from({ length: connections }, () => new Promise<void>(run)))
  return { answers, failures, wallMs: machineMs() - startMs }
}

async function streams(given: GeneratorAsks['streams']['given']): Promise<StreamFigures> {
  const { target, model, count } = given
  const request = requestText(target, model)
  const delaysMs: number[] = []
  let completed = 0
  let inOrder = true
  function run(done: () => void): void {
    const connection = openConnection(target.port)
    let rest = ''
    let expected = 0
    let sawDone = false
    const finish = () => {
      connection.socket.destroy()
      done()
    }
    connection.send(request, {
      onBody(bytes) {
        const nowMs = machineMs()
        const events = (rest + bytes.toString('latin1')).split('\n\n')
        rest = events.pop() ?? ''
        for (const event of events) {
          const stamp = stampIn(event)
          if (stamp === null) {
            sawDone ||= event === 'data: [DONE]'
            continue
          }
          if (stamp.seq !== expected) inOrder = false
          expected += 1
          delaysMs.push(nowMs - stamp.sentMs)
        }
      },
      onEnd() {
        if (sawDone) completed += 1
        finish()
      },
      onClose: finish,
    })
  }
  await Promise.all(Array.from({ length: count }, () => new Promise<void>(run)))
  const { p50Ms, p99Ms } = quantilesOf(delaysMs)
  return { streams: count, completed, chunks: delaysMs.length, inOrder, p50Ms, p99Ms }
}

async function paced(given: GeneratorAsks['paced']['given']) {
  const { target, count, chunksEach, stepMs, spreadMs } = given
  const request = pacedText(target, chunksEach)
  let completed = 0
  const run = (): Promise<number[]> =>
    new Promise((resolve) => {
      const connection = openConnection(target.port)
      const moments: number[] = []
      let rest = ''
      const finish = () => {
        connection.socket.destroy()
        resolve(moments)
      }
      connection.send(request, {
        onBody(bytes) {
          const nowMs = machineMs()
          const events = (rest + bytes.toString('latin1')).split('\n\n')
          rest = events.pop() ?? ''
          for (const event of events) {
            if (event.includes('"delta":{"content":')) moments.push(nowMs)
            else if (event === 'data: [DONE]') completed += 1
          }
        },
        onEnd: finish,
        onClose: finish,
      })
    })
  const arrivals = await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      await delay((at * spreadMs) / count)
      return run()
    }),
  )
  const late = latenessMs(arrivals, stepMs)
  return { completed, chunks: late.length, ...quantilesOf(late) }
}

async function sendBodies({ target }: GeneratorAsks['sendBodies']['given']) {
  const connection = openConnection(target.port)
  const unexpected: number[] = []
  for (const { request, expected } of worstBodies) {
    await new Promise<void>((resolve, reject) => {
      connection.send(request, {
        onHead: (status) => {
          if (status !== expected) unexpected.push(status)
        },
        onEnd: resolve,
        onClose: () => reject(new Error('the gateway closed the connection')),
      })
    })
  }
  connection.socket.destroy()
  return { unexpected }
}

/** Paused before it connects: node would read a first piece otherwise. */
function openStalled(target: Target): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: target.port, host: '127.0.0.1' })
    socket.pause()
    socket.on('error', reject)
    socket.on('connect', () => {
      socket.off('error', reject)
      socket.on('error', () => {})
      socket.write(requestText(target, 'flood'))
      resolve(socket)
    })
  })
}

function readToEnd(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    let tail = ''
    socket.on('data', (bytes: Buffer) => {
      tail = (tail + bytes.toString('latin1', Math.max(0, bytes.length - 32))).slice(-32)
      // A connection that may be used again does not close by itself.
      if (tail.includes('[DONE]')) socket.destroy()
    })
    socket.on('close', () => resolve(tail.includes('[DONE]')))
    if (socket.destroyed) resolve(false)
    socket.resume()
  })
}
