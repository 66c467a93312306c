// Keys as a table of what matters most, and one key in all its fields.
import { keyState, type StoredKey } from '#keys'
import { momentText, renderTable, type TableColumn, type TableScreen } from './table.ts'

/** An id is what the other commands ask for, and half a day is another day. */
const columns: readonly TableColumn[] = [
  { title: 'ID', isWhole: true },
  { title: 'NAME' },
  { title: 'TEAM' },
  { title: 'SCOPES' },
  { title: 'MODELS' },
  { title: 'RPM', align: 'right' },
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
    ['calls at once', key.concurrencyMax?.toString() ?? 'default'],
    ['created', momentText(key.createdAtMs)],
    ['expires', timeText(key.expiresAtMs)],
    ['last use', timeText(key.lastUsedAtMs)],
    ['old secret until', overlap === null || overlap <= nowMs ? '-' : momentText(overlap)],
    ['revoked', timeText(key.revokedAtMs)],
  ]
}

function timeText(atMs: number | null): string {
  return atMs === null ? 'never' : momentText(atMs)
}

function dayText(atMs: number | null): string {
  return timeText(atMs).slice(0, 10)
}
