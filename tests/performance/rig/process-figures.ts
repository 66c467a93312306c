// What the kernel knows of a process, and on which core it runs.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** What every kernel tells: user and system time in hundredths of a second. */
const tickMs = 10

/**
 * User and system time of all its threads so far. The scheduler counts it in nanoseconds; a round of
 * streams takes a tenth of a second, of which a hundredth is too much to be wrong by.
 */
export function cpuMsOf(pid: number): number {
  return scheduledMsOf(pid) ?? tickedMsOf(pid)
}

/** Null where the kernel was built without these counts. Threads that have ended are left out. */
function scheduledMsOf(pid: number): number | null {
  const threads = `/proc/${pid}/task`
  try {
    const runNs = readdirSync(threads).map((id) => {
      const [ranNs] = readFileSync(`${threads}/${id}/schedstat`, 'utf8').split(' ')
      return Number(ranNs)
    })
    const sumNs = runNs.reduce((sum, ns) => sum + ns, 0)
    return sumNs > 0 ? sumNs / 1e6 : null
  } catch {
    return null
  }
}

function tickedMsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name in brackets may hold anything, so counting begins behind it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * tickMs
}

export function rssMbOf(pid: number): number {
  const kb = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kb) / 1024
}

/** The contender gets a core of its own, everything around it the other one. */
export function pin(pid: number, role: 'contender' | 'surroundings'): void {
  if (availableParallelism() < 2) return
  // Where there is no taskset the figures are noisier, and still comparable.
  spawnSync('taskset', ['-acp', role === 'contender' ? '0' : '1', String(pid)], { stdio: 'ignore' })
}

/** The same in every process of this machine, unlike `performance.now()`. */
export function machineMs(): number {
  return offsetMs + performance.now()
}

const offsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now()
