// `podgate models reset-circuit`: an operator says that a deployment is well again. A circuit lives
// in the gateway's process, so this command asks it over HTTP, unlike the others, which change the
// registry. The key goes into one header and nowhere else: no message repeats it, nor what an
// unknown server says of it.
import type { Command } from 'commander'
import { z } from 'zod'
import { exampleOf, parseGatewayUrl } from './arguments.ts'
import { type CliContext, CommandFailure, printJson } from './context.ts'

interface ResetOptions {
  url?: URL
  json?: true
}

const circuit = z.enum(['closed', 'open', 'half-open'])
const resetSchema = z.object({ deployment: z.string(), model: z.string(), was: circuit, circuit })

/** A gateway that does not answer such a request within this time does not answer at all. */
const answerMs = 10_000
const wordsMax = 500

const refusalSchema = z.object({ error: z.object({ message: z.string() }) })

export function registerResetCircuit(models: Command, context: CliContext): void {
  models
    .command('reset-circuit')
    .description('have a running gateway send calls to a deployment again at once')
    .argument('<deployment>', 'a deployment’s id, from `models list`')
    .option(
      '--url <gateway>',
      'the gateway; else where API_HOST and API_PORT say (http://127.0.0.1:8080)',
      parseGatewayUrl,
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nIt asks with the key of API_ADMIN_KEY. Of several gateways, each has its own circuits.' +
        `\n${exampleOf('models reset-circuit phi-2-runpod --url http://127.0.0.1:8080')}`,
    )
    .action((id: string, options: ResetOptions) => reset(id, options, context))
}

async function reset(id: string, options: ResetOptions, context: CliContext): Promise<void> {
  const done = await askToReset(id, options.url, context)
  if (options.json) return printJson(context, done)
  const { was, circuit: is } = done
  const now = was === is ? `is ${is}, as before` : `was ${was} and is ${is} now`
  context.out(`The circuit of ${id} ${now}.`)
}

async function askToReset(deployment: string, asked: URL | undefined, context: CliContext) {
  const { http, adminKey } = context.loadSettings()
  const url = asked ?? listeningAt(http)
  if (adminKey === null) {
    throw new CommandFailure(
      'API_ADMIN_KEY is not set: the gateway does this only for an admin key. In development the ' +
        'file dev-admin-key beside the registry holds it.',
    )
  }
  const where = url.href.replace(/\/$/, '')
  const route = `${where}/admin/models/reset-circuit`
  const response = await send(route, { deployment }, adminKey).catch((cause) => {
    throw new CommandFailure(
      `No gateway answers at ${where} (${codeOf(cause)}): start it, or say where it is with --url.`,
    )
  })
  const answer: unknown = await response.json().catch(() => null)
  if (response.ok) {
    const read = resetSchema.safeParse(answer)
    if (read.success) return read.data
    throw new CommandFailure(`What answers at ${where} is no gateway of this version.`)
  }
  throw refused(response.status, answer, { where, adminKey })
}

/** A gateway that listens on all addresses is asked on the loopback address. */
function listeningAt({ host, port }: { host: string; port: number }): URL {
  if (port === 0) {
    throw new CommandFailure('API_PORT is 0, a port that is free: say where it is with --url.')
  }
  const here = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  const url = URL.parse(`http://${here.includes(':') ? `[${here}]` : here}:${port}`)
  if (url !== null) return url
  throw new CommandFailure('API_HOST (http.host) is no address: say where it is with --url.')
}

function send(url: string, body: unknown, adminKey: string): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    // A key goes to the server that was named and to no other.
    redirect: 'manual',
    signal: AbortSignal.timeout(answerMs),
  })
}

/** Never the message: it may repeat a header. */
function codeOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'unknown'
  if (cause.name === 'TimeoutError') return `silent for ${answerMs / 1000} s`
  const { cause: inner } = cause
  return inner instanceof Error && 'code' in inner ? `${inner.code}` : 'unreachable'
}

function refused(
  status: number,
  answer: unknown,
  { where, adminKey }: { where: string; adminKey: string },
): CommandFailure {
  if (status === 401) {
    return new CommandFailure(`The gateway at ${where} does not know this API_ADMIN_KEY.`)
  }
  const read = refusalSchema.safeParse(answer)
  if (!read.success) {
    return new CommandFailure(`What answers at ${where} is no gateway: status ${status}.`)
  }
  const words = read.data.error.message.replaceAll(adminKey, '[secret]').slice(0, wordsMax)
  return new CommandFailure(`The gateway at ${where} refused with ${status}: ${words}`)
}
