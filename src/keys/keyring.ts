// Who is asking. A token is hashed and looked up in memory; the raw bytes never reach storage or a
// log. Besides the registry's keys it knows those of the environment: bootstrap keys, taken as
// given, and one admin key, which holds every scope so that it can grant each.
import { type ApiKey, scopes } from '#domain'
import { openSnapshot, type Registry, type SnapshotOptions } from '#storage'
import { readOpenKeys } from './key-records.ts'
import { hashToken, isMistyped } from './token.ts'

export interface Keyring extends Disposable {
  /** null: unknown, mistyped, expired or revoked. */
  verify(token: string): ApiKey | null
  /** Whether the token that opened as this key would open now. */
  stillOpens(key: ApiKey): boolean
  /** The key as it is now, of one that opened before: changed since then, perhaps. */
  latest(key: ApiKey): ApiKey
  /** Whether the key of this id comes from the environment: the registry knows nothing of it. */
  isGiven(id: string): boolean
  refresh(): Promise<void>
  onChange(listener: () => void): Disposable
}

export interface KeyringOptions extends SnapshotOptions {
  bootstrapKeys: readonly string[]
  adminKey: string | null
}

const givenKeyLengthMin = 16
/** Tokens whose hashes are kept: far more than are used in the same minutes. */
const tokensMax = 1000

export async function openKeyring(registry: Registry, options: KeyringOptions): Promise<Keyring> {
  const given = givenKeys(options)
  const givenIds = new Set([...given.values()].map(({ id }) => id))
  const tokens = [...options.bootstrapKeys, options.adminKey ?? '']
  // Given keys may look like anything, also like one of ours with a wrong checksum.
  const refusesMistyped = !tokens.some(isMistyped)
  // A key is asked about as long as one of its calls runs, across snapshots: each remembers which
  // secret it was read for, and forgets it with its last call.
  const hashOf = new WeakMap<ApiKey, string>()
  const stored = await openSnapshot(registry, options, async (one) => {
    const open = await readOpenKeys(one)
    for (const [secretHash, key] of open) hashOf.set(key, secretHash)
    return open
  })
  for (const [secretHash, key] of given) hashOf.set(key, secretHash)

  function opens(secretHash: string): ApiKey | null {
    const key = given.get(secretHash) ?? stored.value().get(secretHash)
    if (key === undefined) return null
    const isExpired = key.expiresAtMs !== null && key.expiresAtMs <= options.clock.nowMs()
    return isExpired ? null : key
  }

  /**
   * The hashes of tokens that have opened something: hashing takes longer than all the rest of the
   * look. Whether they still do is asked each time.
   */
  const hashes = new Map<string, string>()

  return {
    verify(token) {
      const known = hashes.get(token)
      if (known !== undefined) return opens(known)
      if (refusesMistyped && isMistyped(token)) return null
      const secretHash = hashToken(token)
      const key = opens(secretHash)
      if (key === null) return null
      if (hashes.size >= tokensMax) hashes.clear()
      hashes.set(token, secretHash)
      return key
    },
    stillOpens(key) {
      const secretHash = hashOf.get(key)
      return secretHash !== undefined && opens(secretHash) !== null
    },
    latest(key) {
      const secretHash = hashOf.get(key)
      return (secretHash === undefined ? null : opens(secretHash)) ?? key
    },
    isGiven: (id) => givenIds.has(id),
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
    given.set(
      hashToken(options.adminKey),
      Object.freeze({ ...key, scopes, grantsAll: true as const }),
    )
  }
  return given
}

/** Its id comes from its hash, so that the ledger knows it again after a restart. */
function givenKey(token: string, name: string, createdAtMs: number): ApiKey {
  return Object.freeze({
    id: `key_${hashToken(token).slice(0, 12)}`,
    name,
    teamId: null,
    scopes: ['chat', 'embeddings'] as const,
    models: null,
    requestsPerMinute: null,
    tokensPerMinute: null,
    concurrencyMax: null,
    thirdParty: false,
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
