// Asks the gateway that runs, where a command is about what only that process knows. The key goes
// into one header and nowhere else: no message repeats it, nor what an unknown server says of it.
import { z } from 'zod'
import { type CliContext, CommandFailure } from './context.ts'

export interface Asking {
  /** Null: where the settings say that it listens. */
  url: URL | null
  path: string
  body: unknown
}

/** A gateway that does not answer such a request within this time does not answer at all. */
const answerMs = 10_000
const wordsMax = 500

const refusalSchema = z.object({ error: z.object({ message: z.string() }) })

export async function askGateway<T>(
  asking: Asking,
  schema: z.ZodType<T>,
  context: CliContext,
): Promise<T> {
  const { http, adminKey } = context.loadSettings()
  const url = asking.url ?? listeningAt(http)
  if (adminKey === null) {
    throw new CommandFailure(
      'API_ADMIN_KEY is not set: the gateway does this only for an admin key. In development the ' +
        'file dev-admin-key beside the registry holds it.',
    )
  }
  const where = url.href.replace(/\/$/, '')
  const response = await send(`${where}${asking.path}`, asking.body, adminKey).catch((cause) => {
    throw new CommandFailure(
      `No gateway answers at ${where} (${codeOf(cause)}): start it, or say where it is with --url.`,
    )
  })
  const answer: unknown = await response.json().catch(() => null)
  if (response.ok) {
    const read = schema.safeParse(answer)
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
