// `podgate simulate --trace FILE`: a recorded trace of calls, stretched over days, against one
// endpoint of the simulator, and what it would have cost. No socket is opened and no time passes
// but the simulated one.
import { readFileSync } from 'node:fs'
import { readTrace, runTrace, type SimulatorOptions, stretched, type TraceReport } from '#simulator'
import { CommandFailure } from './context.ts'

export interface TraceFlags {
  /** The file; none is given: the simulator listens instead. */
  trace?: string
  days?: number
  endpoint?: string
  json?: boolean
}

const dayMs = 86_400_000
const daysDefault = 10

export function replayTrace(file: string, flags: TraceFlags, options: SimulatorOptions): void {
  const calls = readTrace(readFile(file))
  if (calls === null) {
    throw new CommandFailure(`${file}: not a trace; TIMESTAMP,ContextTokens,GeneratedTokens.`)
  }
  const endpointId = flags.endpoint ?? Object.keys(options.endpoints)[0] ?? ''
  const days = flags.days ?? daysDefault
  const isWatched = process.stderr.isTTY === true
  const report = runTrace(options, endpointId, stretched(calls, days * dayMs), (share) => {
    if (isWatched) process.stderr.write(`\r${Math.round(share * 100)} % of ${days} days`)
  })
  if (isWatched) process.stderr.write('\r\u001b[K')
  if (report === null) throw new CommandFailure(`There is no endpoint ${endpointId}.`)
  console.log(flags.json ? JSON.stringify(report) : linesOf(report).join('\n'))
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new CommandFailure(`Cannot read ${file}: ${cause instanceof Error ? cause.message : ''}`)
  }
}

function linesOf(report: TraceReport): string[] {
  const count = (value: number) => value.toLocaleString('en-US')
  const usd = (value: number) => `$${value.toFixed(2)}`
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  const { endpoint, calls, completed, failed, generatedTokens, days, starts, waitMs } = report
  const each = report.usdPerWorkerSecond.toFixed(5)
  return [
    `${count(calls)} calls over ${days.toFixed(1)} days at ${endpoint}: ` +
      `${count(completed)} completed, ${count(failed)} failed, ${count(generatedTokens)} tokens`,
    `waited for a worker: half of them ${seconds(waitMs.p50)} or less, ` +
      `95 % ${seconds(waitMs.p95)}, at most ${seconds(waitMs.most)}`,
    `bill: ${usd(report.billedUsd)} for ${count(starts)} starts at $${each} a worker-second, ` +
      'each rounded up to the next second',
    `counted by the states of the workers, not rounded: ${usd(report.countedUsd)}`,
  ]
}
