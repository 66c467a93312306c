// What a key looks like: `pk-podgate-<32 base62>-<6 base62>`. By the prefix, secret scanners find a
// leaked key. By the checksum (CRC-32), a mistyped key is refused without looking it up. Only the
// SHA-256 of the whole token is ever stored.
import { hash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

const prefix = 'pk-podgate-'
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const randomLength = 32
const checksumLength = 6
const tokenPattern = /^(pk-podgate-[0-9A-Za-z]{32})-([0-9A-Za-z]{6})$/

export function newToken(): string {
  const random = Array.from({ length: randomLength }, () => alphabet[randomInt(alphabet.length)])
  const head = prefix + random.join('')
  return `${head}-${checksumOf(head)}`
}

/** Has the form of our keys and is not mistyped. Whether it opens anything is another question. */
export function isPodgateKey(token: string): boolean {
  const [, head, checksum] = tokenPattern.exec(token) ?? []
  return head !== undefined && checksumOf(head) === checksum
}

/** Begins like one of our keys, but is none. */
export function isMistyped(token: string): boolean {
  return token.startsWith(prefix) && !isPodgateKey(token)
}

export function hashToken(token: string): string {
  return hash('sha256', token, 'hex')
}

function checksumOf(text: string): string {
  let rest = crc32(text)
  let digits = ''
  while (digits.length < checksumLength) {
    digits = alphabet.charAt(rest % alphabet.length) + digits
    rest = Math.floor(rest / alphabet.length)
  }
  return digits
}
