// `npm run bench`: what the gateway costs and what it withstands, against a bare relay in the same
// run. Ratios within one run can be compared; absolute figures of different machines cannot.
//
//   --quick         fewer and shorter rounds     --json      verdicts as JSON
//   --only X        one part, by its name below
//   --against REF   instead of the parts: the CPU time of the working tree beside that of a commit
import { parseArgs } from 'node:util'
import { measureAgainst } from './parts/against.ts'
import { measureBodies } from './parts/bodies.ts'
import { measureCost } from './parts/cost.ts'
import { measureDisk } from './parts/disk.ts'
import { measureHeld } from './parts/held.ts'
import { measureLatency } from './parts/latency.ts'
import { measureSimulatedStreams } from './parts/simulated-streams.ts'
import { measureStalled } from './parts/stalled.ts'
import { measureStreams } from './parts/streams.ts'
import { checkOut } from './rig/other-version.ts'
import { asTable, type Verdict } from './rig/report.ts'
import { openRig, type Rig } from './rig/rig.ts'

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    against: { type: 'string' },
  },
})

type Part = (rig: Rig) => Promise<Verdict[]>

const rounds = flags.quick ? 3 : 5
const loopMs = flags.quick ? 1000 : 1500
/** Of a pair's difference, half a microsecond of the median is noise with fewer. */
const pairs = 15

const parts: Record<string, Part> = {
  cost: (rig) => measureCost(rig, { rounds, loopMs }),
  latency: (rig) => measureLatency(rig, { rounds, seconds: flags.quick ? 3 : 10 }),
  streams: (rig) => measureStreams(rig, { rounds }),
  stalled: (rig) => measureStalled(rig, { rounds }),
  bodies: (rig) => measureBodies(rig, { each: flags.quick ? 4 : 12 }),
  held: (rig) => measureHeld(rig, { rounds }),
  disk: (rig) => measureDisk(rig, { rounds: flags.quick ? 1 : 3 }),
  simulator: (rig) => measureSimulatedStreams(rig, { seconds: flags.quick ? 10 : 60 }),
}

const verdicts = flags.against === undefined ? await measureParts() : await compare(flags.against)
process.stdout.write(`${flags.json ? JSON.stringify(verdicts, null, 2) : asTable(verdicts)}\n`)
process.exitCode = verdicts.every(({ isMet }) => isMet) ? 0 : 1

async function measureParts(): Promise<Verdict[]> {
  const { only } = flags
  if (only !== undefined && parts[only] === undefined) {
    throw new Error(`there is no part ${only}: ${Object.keys(parts).join(', ')}`)
  }
  const verdicts: Verdict[] = []
  for (const [name, part] of Object.entries(parts)) {
    if (only === undefined || only === name) verdicts.push(...(await inRig(name, part)))
  }
  return verdicts
}

async function compare(ref: string): Promise<Verdict[]> {
  using other = checkOut(ref)
  const { commit, source } = other
  return await inRig(`against ${commit}`, (rig) =>
    measureAgainst(rig, { source, commit, pairs, loopMs }),
  )
}

/** A rig of its own for each part: nothing of one is left over in the next. */
async function inRig(name: string, part: Part): Promise<Verdict[]> {
  process.stderr.write(`${name} …\n`)
  const rig = await openRig()
  try {
    return await part(rig)
  } finally {
    await rig.close()
  }
}
