// The deployment that runs the least for each of its places comes first. Equals are drawn by lot:
// otherwise the first of the file would get all calls of a quiet hour.

interface Busy {
  readonly running: number
  readonly places: number
}

export function leastBusy<T extends Busy>(deployments: readonly T[], random: () => number): T[] {
  return deployments
    .map((one) => ({
      one,
      load: one.places === 0 ? Number.POSITIVE_INFINITY : one.running / one.places,
      lot: random(),
    }))
    .toSorted((a, b) => a.load - b.load || a.lot - b.lot)
    .map(({ one }) => one)
}
