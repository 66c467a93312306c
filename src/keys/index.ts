// Who is asking: what a key looks like, how it is kept, and whether a token opens anything.
export { createKey, listKeys, revokeKey, type StoredKey } from './key-records.ts'
export { type Keyring, openKeyring } from './keyring.ts'
export { isPodgateKey } from './token.ts'
