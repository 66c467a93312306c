// What the kernel knows of a process, and on which core it runs.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** The kernel counts processor time in hundredths of a second. */
const tickMs = 10

/** User and system time of all its threads so far. */
export function cpuMsOf(pid: number): number {
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
