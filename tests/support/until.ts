// What can only be learnt by asking again and again, such as how many wait: asked until it is so,
// and told by its name when it never becomes so.

const patienceMs = 30_000

export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const sinceMs = performance.now()
  while (!(await isSo())) {
    if (performance.now() - sinceMs > patienceMs) throw new Error(`It never came to it: ${what}.`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}
