// `podgate serve`: starts the gateway and stays until it is told to stop.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Command } from 'commander'
import { z } from 'zod'
import { type Gateway, readSettings, type Settings, startDev, startGateway } from '#app'
import { checkedBy, exampleOf, parsePort } from './arguments.ts'
import { type CliContext, CommandFailure, type SharedFlags } from './context.ts'
import { watchStopSignals } from './stop-signals.ts'

interface ServeFlags {
  host?: string
  port?: number
}

export function registerServe(program: Command, context: CliContext): void {
  program
    .command('serve')
    .description('Start the gateway. With ENV=dev and no RunPod it brings a simulated one.')
    .option(
      '--host <address>',
      'address to listen on (API_HOST)',
      checkedBy(z.string().min(1, 'allowed: an address, such as 127.0.0.1')),
    )
    .option('--port <number>', 'port to listen on (API_PORT)', parsePort)
    .addHelpText('after', exampleOf('serve --port 8080'))
    .action(async (flags: ServeFlags, command: Command) => {
      const settings = readSettings(process.env, {
        options: { 'http.host': flags.host, 'http.port': flags.port },
        configFile: command.optsWithGlobals<SharedFlags>().config,
      })
      await serve(settings, context)
    })
}

async function serve(settings: Settings, context: CliContext): Promise<void> {
  using signals = watchStopSignals()
  let gateway: Gateway
  try {
    gateway = await start(settings, context)
  } catch (cause) {
    throw explained(cause, settings)
  }
  // All modules are loaded and everything is composed now; it takes some 20 ms, once.
  giveBackMemory()
  gateway.logger.info({ event: 'started', url: gateway.url, environment: settings.environment })
  const signal = await signals.stopped
  try {
    gateway.logger.info({ event: 'stopping', signal })
  } finally {
    await gateway.close()
  }
}

/**
 * A collection that makes the heap as small as it can be: some 20 MB less. Starting is the one time
 * at which this process makes much that lives on, and V8 enlarges its young generation for that.
 */
function giveBackMemory(): void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  setFlagsFromString('--no-expose-gc')
  if (typeof collect === 'function') collect({ type: 'major', flavor: 'last-resort' })
}

async function start(settings: Settings, context: CliContext): Promise<Gateway> {
  if (settings.environment === 'prod') {
    return startGateway(settings, { apiKeys: [], adminKey: null, simulator: null })
  }
  const gateway = await startDev(settings)
  const { url, apiKey, modelIds, simulatorUrl } = gateway
  const where = simulatorUrl === null ? 'your RunPod' : `a simulated RunPod (${simulatorUrl})`
  context.out(
    [
      `Podgate is ready, for development, in front of ${where}.`,
      '',
      `  base URL  ${url}/v1`,
      `  key       ${apiKey}`,
      `  models    ${modelIds.join(', ')}`,
      '',
      curlLine(url, apiKey, modelIds[0] ?? ''),
      '',
    ].join('\n'),
  )
  return gateway
}

/** One line that works when it is pasted. */
function curlLine(url: string, apiKey: string, model: string): string {
  const messages = [{ role: 'user', content: 'Hello' }]
  const body = JSON.stringify({ model, messages, max_tokens: 32 })
  const headers = [`Authorization: Bearer ${apiKey}`, 'Content-Type: application/json']
  const options = headers.map((header) => `-H '${header}'`).join(' ')
  return `curl ${url}/v1/chat/completions ${options} -d '${body}'`
}

function explained(cause: unknown, { config }: Settings): unknown {
  const { host, port } = config.http
  const isOfListening =
    cause instanceof Error &&
    'syscall' in cause &&
    /^(listen|getaddrinfo)$/.test(`${cause.syscall}`)
  switch (isOfListening && 'code' in cause ? cause.code : null) {
    case 'EADDRINUSE':
      return new CommandFailure(
        `Port ${port} of ${host} is taken: stop what listens there, or set API_PORT.`,
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EADDRNOTAVAIL':
      return new CommandFailure(
        `${host} is no address of this machine: set API_HOST (http.host) to one, or to 0.0.0.0.`,
      )
    case 'EACCES':
      return new CommandFailure(
        `Port ${port} of ${host} may not be opened by this user: set API_PORT to 1024 or more.`,
      )
    default:
      return cause
  }
}
