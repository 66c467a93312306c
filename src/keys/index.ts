// Who is asking: what a key looks like, how it is stored and changed, and which key a token opens.
export {
  createKey,
  type NewSecret,
  revokeKey,
  rotateKey,
  updateKey,
} from './change-keys.ts'
export type { UsualLimits } from './grants.ts'
export type { StoredKey } from './key-records.ts'
export { findKey, keyState, listKeys, runningKeys } from './key-records.ts'
export {
  changesOf,
  type KeyTerms,
  keyChangesSchema,
  keyRequestSchema,
  rotationSchema,
  termsOf,
} from './key-request.ts'
export { type Keyring, openKeyring } from './keyring.ts'
export { keepLastUse, type LastUse } from './last-use.ts'
export { isPodgateKey } from './token.ts'
