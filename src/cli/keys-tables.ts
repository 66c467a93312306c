// Keys as a table of what matters most, one key in all its fields, and a secret, which is printed
// once.
import { keyState, type NewSecret, type StoredKey } from '#keys'
import { type CliContext, printJson } from './context.ts'
import { momentText, renderTable, type TableColumn, type TableScreen } from './table.ts'

/** An id is what the other commands ask for, and half a day is another day. */
const columns: readonly TableColumn[] = [
  { title: 'ID', isWhole: true },
  { title: 'NAME' },
  { title: 'TEAM' },
  { title: 'SCOPES' },
  { title: 'MODELS' },
  { title: 'RPM', align: 'right' },
  { title: 'TPM', align: 'right', mayGo: true },
  { title: 'THIRD', isWhole: true, mayGo: true },
  { title: 'EXPIRES', isWhole: true, mayGo: true },
  { title: 'LAST USE', isWhole: true, mayGo: true },
  { title: 'STATE', isWhole: true },
]

export function keyTable(keys: readonly StoredKey[], nowMs: number, screen: TableScreen): string[] {
  const rows = keys.map((key) => [
    key.id,
    key.name,
    key.teamId ?? '-',
    key.scopes.join(','),
    key.models?.join(',') ?? 'all',
    key.requestsPerMinute?.toString() ?? 'default',
    key.tokensPerMinute?.toString() ?? 'default',
    yesNo(key.thirdParty),
    dayText(key.expiresAtMs),
    dayText(key.lastUsedAtMs),
    keyState(key, nowMs),
  ])
  return renderTable(columns, rows, screen)
}

export function keyFields(key: StoredKey, nowMs: number): [string, string][] {
  const overlap = key.overlapUntilMs
  return [
    ['id', key.id],
    ['name', key.name],
    ['state', keyState(key, nowMs)],
    ['team', key.teamId ?? '-'],
    ['scopes', key.scopes.join(', ')],
    ['models', key.models?.join(', ') ?? 'all'],
    ['requests per minute', key.requestsPerMinute?.toString() ?? 'default'],
    ['tokens per minute', key.tokensPerMinute?.toString() ?? 'default'],
    ['calls at once', key.concurrencyMax?.toString() ?? 'default'],
    ['third parties', yesNo(key.thirdParty)],
    ['created', momentText(key.createdAtMs)],
    ['expires', timeText(key.expiresAtMs)],
    ['last use', timeText(key.lastUsedAtMs)],
    ['old secret until', overlap === null || overlap <= nowMs ? '-' : momentText(overlap)],
    ['revoked', timeText(key.revokedAtMs)],
  ]
}

/** One key as JSON. */
export function shownKey(key: StoredKey, nowMs: number) {
  return { ...key, state: keyState(key, nowMs) }
}

/** The secret alone on standard output, so that a script can take it as it is. */
export function printSecret(
  { key, secret }: NewSecret,
  said: string,
  { json }: { json?: true },
  context: CliContext,
): void {
  if (json) {
    printJson(context, { ...shownKey(key, context.nowMs()), secret })
    return
  }
  context.out(secret)
  context.err(`${said} Keep its secret: it cannot be shown again.`)
}

function yesNo(isSo: boolean): string {
  return isSo ? 'yes' : 'no'
}

function timeText(atMs: number | null): string {
  return atMs === null ? 'never' : momentText(atMs)
}

function dayText(atMs: number | null): string {
  return timeText(atMs).slice(0, 10)
}
