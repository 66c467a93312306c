// Each deployment comes first as often as its weight says, among those that could answer.

interface Weighted {
  readonly weight: number
}

/** `random` gives numbers from 0 to 1, without 1. */
export function byWeight<T extends Weighted>(deployments: readonly T[], random: () => number): T[] {
  const left = [...deployments]
  const order: T[] = []
  let sum = left.reduce((total, { weight }) => total + weight, 0)
  while (left.length > 0) {
    let point = random() * sum
    const found = left.findIndex(({ weight }) => {
      point -= weight
      return point < 0
    })
    const [drawn] = left.splice(found === -1 ? left.length - 1 : found, 1)
    if (drawn === undefined) break
    sum -= drawn.weight
    order.push(drawn)
  }
  return order
}
