// Who is asking. A token is hashed and looked up in memory; the raw bytes never reach storage, a
// log or a comparison. Besides the registry's keys it knows those of the environment: bootstrap
// keys, taken as given, and one admin key.
import type { ApiKey } from '#domain'
import { openSnapshot, type Registry, type SnapshotOptions } from '#storage'
import { readOpenKeys } from './key-records.ts'
import { hashToken, isMistyped } from './token.ts'

export interface Keyring extends Disposable {
  /** null: unknown, mistyped, expired or revoked. */
  verify(token: string): ApiKey | null
  refresh(): Promise<void>
  onChange(listener: () => void): Disposable
}

export interface KeyringOptions extends SnapshotOptions {
  bootstrapKeys: readonly string[]
  adminKey: string | null
}

const givenKeyLengthMin = 16

export async function openKeyring(registry: Registry, options: KeyringOptions): Promise<Keyring> {
  const given = givenKeys(options)
  const tokens = [...options.bootstrapKeys, options.adminKey ?? '']
  // Given keys may look like anything, also like one of ours with a wrong checksum.
  const refusesMistyped = !tokens.some(isMistyped)
  const stored = await openSnapshot(registry, options, readOpenKeys)
  return {
    verify(token) {
      if (refusesMistyped && isMistyped(token)) return null
      const secretHash = hashToken(token)
      const key = given.get(secretHash) ?? stored.value().get(secretHash)
      if (key === undefined) return null
      const isExpired = key.expiresAtMs !== null && key.expiresAtMs <= options.clock.nowMs()
      return isExpired ? null : key
    },
    refresh: stored.refresh,
    onChange: stored.onChange,
    [Symbol.dispose]: () => stored[Symbol.dispose](),
  }
}

function givenKeys(options: KeyringOptions): Map<string, ApiKey> {
  const given = new Map<string, ApiKey>()
  const createdAtMs = options.clock.nowMs()
  options.bootstrapKeys.forEach((token, index) => {
    refuseShort(token)
    given.set(hashToken(token), givenKey(token, `bootstrap ${index + 1}`, createdAtMs))
  })
  if (options.adminKey !== null) {
    refuseShort(options.adminKey)
    const key = givenKey(options.adminKey, 'admin', createdAtMs)
    given.set(hashToken(options.adminKey), Object.freeze({ ...key, isAdmin: true }))
  }
  return given
}

/** Its id comes from its hash, so that the ledger knows it again after a restart. */
function givenKey(token: string, name: string, createdAtMs: number): ApiKey {
  return Object.freeze({
    id: `key_${hashToken(token).slice(0, 12)}`,
    name,
    teamId: null,
    models: null,
    requestsPerMinute: null,
    isAdmin: false,
    createdAtMs,
    expiresAtMs: null,
  })
}

function refuseShort(token: string): void {
  if (token.length >= givenKeyLengthMin) return
  throw new Error(
    `A key from the environment has ${token.length} characters; at least ${givenKeyLengthMin}.`,
  )
}
