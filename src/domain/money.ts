// Money is counted in integer nano-USD (a billionth of a dollar), so that sums are exact.
// A price per million tokens in dollars is a whole number of nano-USD per token down to $0.001.

/** An integer. */
export type NanoUsd = number

const NANO_PER_USD = 1_000_000_000

export function nanoUsdFromUsd(usd: number): NanoUsd {
  return Math.round(usd * NANO_PER_USD)
}

export function usdFromNanoUsd(nanoUsd: NanoUsd): number {
  return nanoUsd / NANO_PER_USD
}

/** Dollars per million tokens to nano-USD per token; null where that is not a whole number. */
export function nanoUsdPerToken(usdPerMillion: number): NanoUsd | null {
  const perToken = usdPerMillion * 1000
  const rounded = Math.round(perToken)
  return Math.abs(perToken - rounded) < 1e-6 ? rounded : null
}
