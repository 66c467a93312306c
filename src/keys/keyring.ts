// Who is asking. A token is hashed and looked up in memory; the token itself never reaches storage
// or a log. Besides the registry's keys, the keyring knows those of the environment: bootstrap
// keys, which may be any text, and one admin key, which holds every scope so that it can grant
// each.
import { type ApiKey, scopes } from '#domain'
import { openSnapshot, type Registry, type SnapshotOptions } from '#storage'
import { readOpenKeys } from './key-records.ts'
import { hashToken, isMistyped } from './token.ts'

export interface Keyring extends Disposable {
  /** null: unknown, mistyped, expired or revoked. */
  verify(token: string): ApiKey | null
  /** Whether the token that opened as this key would open now. */
  stillOpens(key: ApiKey): boolean
  /** The present state of a key that opened before; it may have changed since then. */
  latest(key: ApiKey): ApiKey
  /** Whether this key comes from the environment, so that the registry does not have it. */
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
  // A key from the environment may look like one of ours with a wrong checksum.
  const refusesMistyped = !tokens.some(isMistyped)
  // A call may ask about its key after newer snapshots replaced it. So each key object is mapped to
  // the hash it was read for, until no call holds the object any more.
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
   * The hashes of tokens that have opened a key: hashing takes longer than the rest of the look-up.
   * Whether they still open it is looked up each time.
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

/** The id is made from the hash, so that it is the same after a restart. */
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
