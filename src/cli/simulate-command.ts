// `podgate simulate`: a RunPod that runs on this machine, until it is told to stop.
import type { Command } from 'commander'
import { systemClock } from '#domain'
import {
  type Simulator,
  type SimulatorOptions,
  shellLines,
  startSimulator,
  workerEnvironment,
} from '#simulator'
import { CommandFailure, type SharedFlags, wantsColour } from './context.ts'
import { replayTrace, type TraceFlags } from './replay-trace.ts'
import { addOptionFlags, daysNumber, optionsFrom, type SimulateFlags } from './simulate-options.ts'
import { watchStopSignals } from './stop-signals.ts'
import { watchSimulator } from './watch-simulator.ts'

const teaching = `
What you get at http://127.0.0.1:8090 (key: sim-key):
  /v2/sim-mixtral/openai/v1/chat/completions   RunPod's OpenAI route; also sim-qwen, -qwen-b, -phi
  /v2/sim-embed/openai/v1/embeddings           the same for embeddings
  /v2/sim-mixtral/run, /runsync, /status, …    RunPod's job API
  /engine/sim-mixtral/v1/chat/completions      a bare vLLM server, without a key
  /provider/openai/v1/chat/completions         another provider (key: sim-provider-key)
  /v2/serverless, /v2/billing/serverless, …    RunPod's management API
  /__control/state                             what is going on inside

Misbehaviour: write [[sim:cut-after=5]] (or another fault) into a prompt; docs/simulator.md has the
whole list.

Examples:
  npm run podgate -- simulate --cold 120   a cold start as long as a real one
  npm run podgate -- simulate --speed 20   tokens twenty times as fast as on real GPUs
  npm run podgate -- simulate --real       cold starts, limits and delays as on the platform
  npm run podgate -- simulate --trace azure2023_conv.csv --real   ten days in a minute
  npm run podgate -- simulate --endpoint mine --workers external   your own handler does the work
  npm run podgate -- simulate --watch      queue, workers, tokens per second and money
`

export function registerSimulate(program: Command): void {
  const command = program
    .command('simulate')
    .description(
      'Run a simulated RunPod with vLLM workers on this machine, until it is told to stop.',
    )
  addOptionFlags(command)
    .option('--watch', 'show queue, workers, tokens per second and money while it runs')
    .option('--trace <file>', 'replay recorded calls at once, without listening, and tell the bill')
    .option('--days <number>', 'how long the trace is stretched (default: 10)', daysNumber)
    .option('--json', 'print where it listens, or what a trace cost, as one line of JSON')
    .addHelpText('after', teaching)
    .action(simulate)
}

async function simulate(flags: SimulateFlags & TraceFlags, command: Command): Promise<void> {
  if (command.optsWithGlobals<SharedFlags>().config !== undefined) {
    return command.error('error: simulate reads no configuration: use --set')
  }
  const options = optionsFrom(flags)
  if ('mistake' in options) return command.error(`error: ${options.mistake}`)
  if (flags.trace !== undefined) return replayTrace(flags.trace, flags, options)
  using signals = watchStopSignals()
  const simulator = await started(options)
  if (!isLoopback(options.host)) {
    const open = '/__control and /engine answer them without a key'
    console.error(`warning: other machines may reach ${options.host}: ${open}.`)
  }
  console.log(flags.json ? asJson(simulator, options) : asText(simulator, options))
  const unwatch = flags.watch
    ? watchSimulator(simulator, systemClock, process.stdout, wantsColour(process.env))
    : () => {}
  await signals.stopped
  unwatch()
  await simulator.close()
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host)
}

async function started(options: SimulatorOptions): Promise<Simulator> {
  try {
    return await startSimulator(options, systemClock)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : null
    const place = `${options.host}:${options.port}`
    const why = code === 'EADDRINUSE' ? 'the port is taken' : String(cause)
    throw new CommandFailure(`Cannot listen on ${place}: ${why}.`)
  }
}

function asText({ url }: Simulator, options: SimulatorOptions): string {
  const attach = Object.entries(environments(url, options)).map(([id, environment]) => {
    return (
      `\nA handler written with RunPod's Python SDK attaches to ${id} with this environment; ` +
      `each worker\nneeds a RUNPOD_POD_ID of its own:\n\n${shellLines(environment)}\n`
    )
  })
  return [`simulator listening on ${url}`, ...attach].join('\n')
}

function asJson({ url }: Simulator, options: SimulatorOptions): string {
  const workers = environments(url, options)
  return JSON.stringify({
    url,
    key: options.key,
    endpoints: Object.keys(options.endpoints),
    ...(Object.keys(workers).length > 0 && { workers }),
  })
}

/** What attaches a worker to each of the endpoints that wait for real ones. */
function environments(url: string, options: SimulatorOptions) {
  const external = Object.entries(options.endpoints).filter(
    ([, { workers }]) => workers === 'external',
  )
  return Object.fromEntries(external.map(([id]) => [id, workerEnvironment(url, id, options)]))
}
