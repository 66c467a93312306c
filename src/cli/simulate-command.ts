// `podgate simulate`: a RunPod that runs on this machine, until it is told to stop.
import { type Command, InvalidArgumentError } from 'commander'
import { systemClock } from '#domain'
import { type Simulator, type SimulatorOptions, simulatorOptions, startSimulator } from '#simulator'
import { CommandFailure } from './context.ts'

interface Flags {
  port: number
  host: string
  cold: number
  speed: number
  seed: number
  json?: boolean
}

const teaching = `
What you get at http://127.0.0.1:8090 (key: sim-key):
  /v2/sim-mixtral/openai/v1/chat/completions   RunPod's OpenAI route; also sim-qwen and sim-phi
  /v2/sim-embed/openai/v1/embeddings           the same for embeddings
  /v2/sim-mixtral/run, /runsync, /status, …    RunPod's job API
  /engine/sim-mixtral/v1/chat/completions      a bare vLLM server, without a key
  /__control/state                             what is going on inside

Misbehaviour: write [[sim:cut-after=5]] (or another fault) into a prompt; docs/simulator.md has the
whole list.

Examples:
  npm run podgate -- simulate --cold 120   a cold start as long as a real one
  npm run podgate -- simulate --speed 20   tokens twenty times as fast as on real GPUs
`

export function registerSimulate(program: Command): void {
  const defaults = simulatorOptions.parse({})
  program
    .command('simulate')
    .description(
      'Run a simulated RunPod with vLLM workers on this machine, until it is told to stop.',
    )
    .option('--port <port>', 'port to listen on; 0 takes a free one', wholeNumber, defaults.port)
    .option('--host <address>', 'address to listen on', defaults.host)
    .option('--cold <seconds>', 'how long a cold start takes', anyNumber, defaults.coldMs / 1000)
    .option('--speed <factor>', 'how fast tokens come; 1 is real time', anyNumber, defaults.speed)
    .option('--seed <number>', 'the same seed gives the same texts', wholeNumber, defaults.seed)
    .option('--json', 'print where it listens as one line of JSON')
    .addHelpText('after', teaching)
    .action(simulate)
}

async function simulate(flags: Flags, command: Command): Promise<void> {
  const read = simulatorOptions.safeParse({
    port: flags.port,
    host: flags.host,
    coldMs: Math.round(flags.cold * 1000),
    speed: flags.speed,
    seed: flags.seed,
  })
  if (!read.success) {
    const [issue] = read.error.issues
    return command.error(`error: ${issue?.path.join('.')}: ${issue?.message}`)
  }
  const stopped = toldToStop()
  const simulator = await started(read.data)
  console.log(flags.json ? asJson(simulator, read.data) : `simulator listening on ${simulator.url}`)
  await stopped
  await simulator.close()
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

function asJson(simulator: Simulator, options: SimulatorOptions): string {
  const endpoints = Object.keys(options.endpoints)
  return JSON.stringify({ url: simulator.url, key: options.key, endpoints })
}

function toldToStop(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve())
    process.once('SIGTERM', () => resolve())
  })
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value)) return value
  throw new InvalidArgumentError('It must be a whole number.')
}

function anyNumber(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value)) return value
  throw new InvalidArgumentError('It must be a number.')
}
