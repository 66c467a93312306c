// What a key is charged for a call: tokens times the prices that applied, in whole nano-USD.
import type { NanoUsd, TokenPrices, Usage } from '#domain'

export function chargeFor(usage: Usage, prices: TokenPrices): NanoUsd {
  // An upstream that reports more cached tokens than prompt tokens must not make the sum negative.
  const cachedTokens = Math.min(usage.cachedTokens, usage.promptTokens)
  const freshTokens = usage.promptTokens - cachedTokens
  return (
    freshTokens * prices.promptNanoUsd +
    cachedTokens * prices.cachedNanoUsd +
    usage.completionTokens * prices.completionNanoUsd
  )
}
