// A disk that is slow for the ledger alone: strace holds the gateway's calls to the kernel back, for
// two files and nothing else. The gateway that it is compared with runs under strace as well, and is
// not held back.
import { spawnSync } from 'node:child_process'
import { ledgerPathOf } from '#src/storage/index.ts'
import type { GatewayHome } from './gateway-process.ts'

export type Disk = 'watched' | 'slow'

const syncMs = 100
const writeMs = 1

export function hasStrace(): boolean {
  return spawnSync('strace', ['--version'], { stdio: 'ignore' }).status === 0
}

/** What the gateway's command line is put behind. */
export function straceBefore({ storage }: GatewayHome, disk: Disk): string[] {
  const ledger = ledgerPathOf(storage)
  const paths = [ledger, `${ledger}-wal`].flatMap((path) => ['-P', path])
  const held = [
    `inject=fsync,fdatasync:delay_enter=${syncMs * 1000}`,
    `inject=pwrite64:delay_enter=${writeMs * 1000}`,
  ].flatMap((what) => ['-e', what])
  const watched = ['-f', '--seccomp-bpf', '-e', 'trace=fsync,fdatasync,pwrite64', ...paths]
  return ['strace', ...watched, ...(disk === 'slow' ? held : []), '-o', '/dev/null']
}
