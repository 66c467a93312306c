// The account on a terminal: queue, workers and their phases, running calls, tokens per second and
// money. A frame is made of the same value that `GET /__control/state` gives, and always fits: long
// lines are cut, and what does not fit below is counted.
import { providerName } from '../provider/provider-name.ts'
import type { EndpointState, ProviderState, SimulatorState } from './state.ts'

export interface Screen {
  columns: number
  rows: number
  hasColour: boolean
}

interface Line {
  text: string
  tone: Tone
}

type Tone = 'plain' | 'strong' | 'dim' | 'good' | 'busy' | 'bad'

const codes: { readonly [tone in Tone]: string } = {
  plain: '',
  strong: '\u001b[1m',
  dim: '\u001b[2m',
  good: '\u001b[32m',
  busy: '\u001b[33m',
  bad: '\u001b[31m',
}
const reset = '\u001b[0m'

const tones: { readonly [phase: string]: Tone } = {
  running: 'good',
  idle: 'plain',
  parked: 'dim',
  throttled: 'bad',
  unhealthy: 'bad',
}
const nameWidth = 16

export function drawState(url: string, state: SimulatorState, screen: Screen): string[] {
  const lines = [
    line(headOf(url, state), 'strong'),
    ...Object.entries(state.endpoints).flatMap(([id, endpoint]) => drawEndpoint(id, endpoint)),
    ...drawProvider(state.provider),
    ...state.rules.map(({ fault, match, met }) => {
      const whom = Object.entries(match).map(([name, value]) => `${name}=${value}`)
      return line(`fault ${[fault, ...whom].join(' ')}, met ${met}`, 'bad')
    }),
  ]
  return fitted(lines, screen).map(({ text, tone }) => {
    const cut = text.length > screen.columns ? `${text.slice(0, screen.columns - 1)}…` : text
    return screen.hasColour && codes[tone] !== '' ? `${codes[tone]}${cut}${reset}` : cut
  })
}

function headOf(url: string, { nowMs, usd, sockets }: SimulatorState): string {
  const time = new Date(nowMs).toISOString().replace('T', ' ').slice(0, 19)
  return `${url}   ${time}   ${money(usd)}   ${sockets} connections`
}

function drawEndpoint(id: string, endpoint: EndpointState): Line[] {
  const { queued, running, oldestWaitMs, tokensPerSecond, workerList } = endpoint
  const wait = queued > 0 ? ` (${seconds(oldestWaitMs)})` : ''
  const isQuiet = queued + running + workerList.length === 0
  // What matters most comes first: on a narrow terminal the end of the line is cut.
  const facts = [
    id.padEnd(nameWidth),
    `queue ${queued}${wait}`.padEnd(18),
    `running ${running}`.padEnd(12),
    `${tokensPerSecond.toFixed(0)} tokens/s`.padEnd(15),
    money(endpoint.usd).padEnd(10),
    `done ${endpoint.completed}  failed ${endpoint.failed}`,
  ]
  return [
    line(facts.join(' '), isQuiet ? 'dim' : 'strong'),
    ...(queued > 0 ? [line(`  ${'▒'.repeat(queued)}`, 'busy')] : []),
    ...workerList.map(({ id: workerId, phase, jobs, sinceMs }) => {
      const calls = phase === 'running' ? `${jobs} calls  ${'█'.repeat(jobs)}` : ''
      const text = `  ${workerId.padEnd(nameWidth)} ${phase.padEnd(10)} ${seconds(sinceMs)}`
      return line(`${text.padEnd(40)} ${calls}`.trimEnd(), tones[phase] ?? 'busy')
    }),
  ]
}

/** It is shown from its first call on: most who watch never ask it. */
function drawProvider({ queued, running, callsSeen }: ProviderState): Line[] {
  if (callsSeen === 0) return []
  const facts = [`queue ${queued}`.padEnd(18), `running ${running}`.padEnd(12), `seen ${callsSeen}`]
  return [line([providerName.padEnd(nameWidth), ...facts].join(' '), 'plain')]
}

/** As many lines as there are rows; the last one counts those that are left out. */
function fitted(lines: readonly Line[], { rows }: Screen): readonly Line[] {
  if (lines.length <= rows) return lines
  const shown = lines.slice(0, rows - 1)
  return [...shown, line(`… ${lines.length - shown.length} more lines`, 'dim')]
}

function line(text: string, tone: Tone): Line {
  return { text, tone }
}

const money = (usd: number) => `$${usd.toFixed(4)}`

function seconds(ms: number): string {
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  return `${Math.floor(ms / 60_000)}m${String(Math.floor((ms % 60_000) / 1000)).padStart(2, '0')}s`
}
