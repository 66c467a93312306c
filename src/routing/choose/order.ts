// Deployments are asked in the order of the file. While the first is cold, one call wakes it and
// the others go to one that is ready.

export function inOrder<T>(deployments: readonly T[]): readonly T[] {
  return deployments
}
