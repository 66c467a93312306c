// The flags of `podgate simulate`, and the simulator's options that they make: what is set by a
// flag of its own wins over `--set`, and both over `--real`.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { readFaultFlag, realOptions, type SimulatorOptions, simulatorOptions } from '#simulator'
import { isJsonObject } from '#wire'

export interface SimulateFlags {
  port?: number
  host?: string
  cold?: number
  speed?: number
  seed?: number
  real?: boolean
  manualClock?: boolean
  endpoint?: string
  workers?: 'simulated' | 'external'
  fault: string[]
  set: [name: string, value: unknown][]
  json?: boolean
  watch?: boolean
}

/** The flags that stand for options, with the defaults told and not filled in. */
export function addOptionFlags(command: Command): Command {
  const told = simulatorOptions.parse({})
  const usual = (value: string | number) => `(default: ${value})`
  return command
    .option('--port <port>', `port to listen on; 0 takes a free one ${usual(told.port)}`, whole)
    .option('--host <address>', `address to listen on ${usual(told.host)}`)
    .option(
      '--cold <seconds>',
      `how long a cold start takes ${usual(told.coldMs / 1000)}`,
      anyNumber,
    )
    .option(
      '--speed <factor>',
      `how fast tokens come; 1 is real time ${usual(told.speed)}`,
      anyNumber,
    )
    .option('--seed <number>', `the same seed gives the same texts ${usual(told.seed)}`, whole)
    .option('--real', 'the values of the real platform in place of pleasant ones')
    .option('--endpoint <id>', 'an endpoint beside the usual ones, or one of them to change')
    .addOption(
      new Option('--workers <whose>', 'who works for --endpoint: simulated workers, or yours')
        .choices(['simulated', 'external'])
        .default(undefined, 'simulated'),
    )
    .option('--manual-clock', 'time stands still until POST /__control/clock moves it')
    .option(
      '--fault <fault>',
      'a fault from the start, as status=503,endpoint=sim-phi,nth=3; may be repeated',
      (text: string, before: string[]) => [...before, text],
      [],
    )
    .option(
      '--set <name=value>',
      'any setting of docs/simulator.md; may be repeated',
      (text: string, before: [string, unknown][]) => [...before, readSetting(text)],
      [],
    )
}

/** What is wrong is told in one line, for the command to say. */
export function optionsFrom(flags: SimulateFlags): SimulatorOptions | { mistake: string } {
  const { port, host, cold, speed, seed, fault } = flags
  if (flags.workers !== undefined && flags.endpoint === undefined) {
    return { mistake: '--workers needs --endpoint' }
  }
  const read = simulatorOptions.safeParse({
    ...(flags.real && realOptions),
    ...Object.fromEntries(flags.set),
    ...(port !== undefined && { port }),
    ...(host !== undefined && { host }),
    // A cold start of so many seconds is no drawn one, whatever the other flags say.
    ...(cold !== undefined && { coldMs: Math.round(cold * 1000), coldStarts: 'fixed' }),
    ...(speed !== undefined && { speed }),
    ...(seed !== undefined && { seed }),
    ...(flags.manualClock && { clock: 'manual' }),
    ...(flags.endpoint !== undefined && { endpoints: endpointsWith(flags.endpoint, flags) }),
    ...(fault.length > 0 && { faults: fault.map(readFaultFlag) }),
  })
  if (read.success) return read.data
  const [issue] = read.error.issues
  const isFault = issue?.path[0] === 'faults'
  const what = isFault ? `--fault ${fault[Number(issue?.path[1])]}` : issue?.path.join('.')
  return { mistake: `${what}: ${issue?.message}` }
}

/** The usual endpoints, or those of `--set`, and this one. */
function endpointsWith(id: string, { set, workers }: SimulateFlags): unknown {
  const given = Object.fromEntries(set).endpoints
  const others = isJsonObject(given) ? given : simulatorOptions.parse({}).endpoints
  const before = others[id]
  const endpoint = isJsonObject(before) ? before : { model: id }
  return { ...others, [id]: { ...endpoint, ...(workers !== undefined && { workers }) } }
}

/** Ten years, on a clock that passes days in seconds. */
const daysMax = 3660

const names = new Set(Object.keys(simulatorOptions.shape))

/** A value is JSON where it can be read as such, and otherwise the text that it is. */
function readSetting(text: string): [name: string, value: unknown] {
  const at = text.indexOf('=')
  const name = text.slice(0, Math.max(0, at))
  if (!names.has(name)) throw new InvalidArgumentError('There is no such setting.')
  const value = text.slice(at + 1)
  try {
    return [name, JSON.parse(value)]
  } catch {
    return [name, value]
  }
}

function whole(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isInteger(value)) return value
  throw new InvalidArgumentError('It must be a whole number.')
}

export function daysNumber(text: string): number {
  const value = anyNumber(text)
  if (value > 0 && value <= daysMax) return value
  throw new InvalidArgumentError(`It must be above 0 and at most ${daysMax}.`)
}

function anyNumber(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value)) return value
  throw new InvalidArgumentError('It must be a number.')
}
