// How large a body may be, by the operation that it is for. Larger ones are refused before anything
// else has looked at them.

export const bodyMaxBytes = 30 * 1024 * 1024

const mebibyte = 1024 * 1024

export interface PayloadOptions {
  readonly openaiBodyMaxBytes: number
}

/** Null: it is small enough; otherwise what the platform says. */
export function tooLarge(operation: string, bytes: number, options: PayloadOptions): string | null {
  const max = maxBytesOf(operation, options)
  return bytes <= max ? null : `exceeded max body size of ${written(max)}`
}

function maxBytesOf(operation: string, { openaiBodyMaxBytes }: PayloadOptions): number {
  if (operation === 'run' || operation === 'batch') return 10 * mebibyte
  if (operation === 'openai') return openaiBodyMaxBytes
  // A load balancer takes the most of all.
  return operation === 'balanced' ? bodyMaxBytes : 20 * mebibyte
}

function written(bytes: number): string {
  return bytes % mebibyte === 0 ? `${bytes / mebibyte}MiB` : `${bytes} bytes`
}
