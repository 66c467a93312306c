// Where a process begins. Without a command it serves: `node src/main.ts` is production's start.
import { setFlagsFromString } from 'node:v8'

// V8 notices that the objects of a call live longer than most, and then makes them in the old
// generation, where only a full collection finds them again: measured, a fifth of all CPU time.
setFlagsFromString('--no-allocation-site-pretenuring')

// The bytes of bodies are memory outside of V8's heap, and it collects all of its heap whenever
// 64 MB of them have come, be they garbage or not: at 200 KB a call, a fifth of all CPU time.
// Counted together with the heap they may grow as it does. More patience would save more of it, and
// let memory grow by more than a bare relay's when clients stall.
setFlagsFromString('--external-memory-accounted-in-global-limit')

const { main } = await import('./cli/main.ts')
const given = process.argv.slice(2)
process.exitCode = await main(given.length === 0 ? ['serve'] : given)
