// `npm run bench`: what the gateway costs and what it withstands, against a bare relay in the same
// run. Ratios within one run can be compared; absolute figures of different machines cannot.
//
//   --quick     fewer and shorter rounds     --json      verdicts as JSON
//   --only X    cost, streams, stalled, bodies or simulator
import { parseArgs } from 'node:util'
import { measureBodies } from './parts/bodies.ts'
import { measureCost } from './parts/cost.ts'
import { measureSimulatedStreams } from './parts/simulated-streams.ts'
import { measureStalled } from './parts/stalled.ts'
import { measureStreams } from './parts/streams.ts'
import { asTable, type Verdict } from './rig/report.ts'
import { openRig, type Rig } from './rig/rig.ts'

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
})

type Part = (rig: Rig) => Promise<Verdict[]>

const rounds = flags.quick ? 3 : 5

const parts: Record<string, Part> = {
  cost: (rig) => measureCost(rig, { rounds, loopMs: flags.quick ? 1000 : 1500 }),
  streams: (rig) => measureStreams(rig, { rounds }),
  stalled: (rig) => measureStalled(rig, { rounds }),
  bodies: (rig) => measureBodies(rig, { each: flags.quick ? 4 : 12 }),
  simulator: (rig) => measureSimulatedStreams(rig, { seconds: flags.quick ? 10 : 60 }),
}

const verdicts: Verdict[] = []
for (const [name, part] of Object.entries(parts)) {
  if (flags.only !== undefined && flags.only !== name) continue
  process.stderr.write(`${name} …\n`)
  // A rig of its own for each part: nothing of one is left over in the next.
  const rig = await openRig()
  try {
    verdicts.push(...(await part(rig)))
  } finally {
    await rig.close()
  }
}
process.stdout.write(`${flags.json ? JSON.stringify(verdicts, null, 2) : asTable(verdicts)}\n`)
process.exitCode = verdicts.every(({ isMet }) => isMet) ? 0 : 1
