// The routes that take a body, each with a good one, and how a request is spelled by hand.
import { wholeAskings } from '../support/openai-surfaces.ts'
import { adminKey, testKey } from '../support/test-gateway.ts'

export interface PostRoute {
  path: string
  key: string
  good: Record<string, unknown>
}

export const modelRoutes: readonly PostRoute[] = wholeAskings.map(({ path, body }) => ({
  path,
  key: testKey,
  good: body(),
}))

export const adminRoute: PostRoute = {
  path: '/admin/keys',
  key: adminKey,
  good: { name: 'made by a test', scopes: ['chat'] },
}

export const postRoutes: readonly PostRoute[] = [...modelRoutes, adminRoute]

export const [chatRoute] = modelRoutes as [PostRoute]

export interface Spelled {
  method?: string
  target?: string
  version?: string
  /** Whole lines, without their ends; instead of the usual ones. */
  lines?: readonly string[]
  /** Beside the usual ones. */
  extra?: readonly string[]
  body?: string | Buffer
}

/** A request as bytes. Its length is told unless the lines are given. */
export function spell(route: PostRoute, given: Spelled = {}): Buffer {
  const { method = 'POST', target = route.path, version = 'HTTP/1.1', extra = [] } = given
  const body = Buffer.from(given.body ?? JSON.stringify(route.good))
  const lines = given.lines ?? [...usual(route), `Content-Length: ${body.length}`]
  const head = [`${method} ${target} ${version}`, ...lines, ...extra]
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body])
}

export function usual({ key }: PostRoute): string[] {
  return ['Host: podgate.test', `Authorization: Bearer ${key}`, 'Content-Type: application/json']
}

export function chunked(pieces: readonly string[]): string {
  const sized = pieces.map((piece) => `${Buffer.byteLength(piece).toString(16)}\r\n${piece}\r\n`)
  return `${sized.join('')}0\r\n\r\n`
}

/** Rows of a table on each of the routes, as rows that begin with the names of both. */
export function onEach<Row extends readonly [string, ...unknown[]]>(
  routes: readonly PostRoute[],
  rows: readonly Row[],
): (readonly [what: string, path: string, route: PostRoute, row: Row])[] {
  return rows.flatMap((row) => routes.map((route) => [row[0], route.path, route, row] as const))
}
