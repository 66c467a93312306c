// What `docs/architecture.md` says of where a fault, a metric and a limit are added is enough: each is
// added to a copy of the repository, in the files of its row and no others; types and generated pages
// follow, and it works.
import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { filesBelow, root } from './source-files.ts'

interface Addition {
  /** Path → what is put behind which text. */
  edits: Record<string, { behind: string; text: string }>
  /** Pages that `npm run docs` then writes anew. */
  written: readonly string[]
  /** A module that fails unless the addition works. */
  check: string
}

const additions: Record<string, Addition> = {
  'a fault': {
    edits: {
      'src/domain/fault.ts': {
        behind: 'export const faultKinds = {',
        text: "\n  test_only: kind(418, invalid, 'test_only', 'no', 'client', 'a test wants it'),",
      },
    },
    written: ['docs/errors.md'],
    check: `
      import { Fault } from './src/domain/index.ts'
      const { status, code } = new Fault('test_only', { message: 'm' }).rule
      if (status !== 418 || code !== 'test_only') process.exit(1)`,
  },
  'a metric': {
    edits: {
      'src/observability/metric-table.ts': {
        behind: 'export const metricTable = [',
        text: "\n  { name: 'podgate_test_only', kind: 'gauge', labels: [], help: 'Seven.' },",
      },
      'src/app/gauges.ts': {
        behind: '): void {',
        text: "\n  metrics.watch('podgate_test_only', () => [{ value: 7 }])",
      },
    },
    written: ['docs/metrics.md'],
    check: `
      import { createMetrics } from './src/observability/index.ts'
      import { watchGauges } from './src/app/gauges.ts'
      const metrics = createMetrics({ isKnownModel: () => true })
      const nothing = { waiting: () => [], load: () => [], liveCalls: () => 0, heldBytes: () => 0 }
      const rooms = { server: nothing, routing: nothing, logger: { lostLines: () => 0 } }
      watchGauges(metrics, rooms)
      if (!(await metrics.render()).includes('\\npodgate_test_only 7\\n')) process.exit(1)`,
  },
  'a limit': {
    edits: {
      'src/limits/options.ts': {
        behind: 'export const limitsOptions = z.object({',
        text: "\n  testOnlyMax: z.int().min(1).default(1_000_000_000).describe('a test wants it'),",
      },
      'src/limits/index.ts': {
        behind: 'const { call } = asked',
        text: '\n      if (asked.bound > options.testOnlyMax) throw beyondLimit(ratesOf(call.key), 1)',
      },
    },
    written: ['docs/configuration.md'],
    check: `
      import { systemClock } from './src/domain/index.ts'
      import { createLimits, limitsOptions } from './src/limits/index.ts'
      const options = limitsOptions.parse({ testOnlyMax: 5 })
      const limits = createLimits(options, { clock: systemClock, latest: (key) => key })
      const key = { id: 'k', requestsPerMinute: null, tokensPerMinute: null, concurrencyMax: null }
      const ask = (bound) => ({ call: { key, sequences: 1, waitMaxMs: null }, bound })
      const { signal } = new AbortController()
      await limits.reserve(ask(5), signal)
      const refused = await limits.reserve(ask(6), signal).catch((fault) => fault.kind)
      if (refused !== 'tokens_beyond_limit') process.exit(1)`,
  },
}

const copied = ['src', 'scripts', 'docs', 'configs', 'package.json', 'tsconfig.json']

test.each(Object.entries(additions))('%s', (what, { edits, written, check }) => {
  const folder = temporaryFolder()
  for (const name of copied) cpSync(`${root}${name}`, join(folder, name), { recursive: true })
  symlinkSync(`${root}node_modules`, join(folder, 'node_modules'))
  for (const [path, { behind, text }] of Object.entries(edits)) {
    const before = readFileSync(join(folder, path), 'utf8')
    expect(before).toContain(behind)
    writeFileSync(
      join(folder, path),
      before.replace(behind, () => behind + text),
    )
  }
  const run = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(args[0] ?? '', args.slice(1), {
      cwd: folder,
      encoding: 'utf8',
    })
    expect(status === 0 ? '' : stdout + stderr).toBe('')
    expect(status).toBe(0)
  }
  const types = { extends: './tsconfig.json', include: ['src'] }
  writeFileSync(join(folder, 'types.json'), JSON.stringify(types))
  run('node_modules/.bin/tsc', '-p', 'types.json')
  run(process.execPath, 'scripts/write-docs.ts')
  writeFileSync(join(folder, 'check.mjs'), check)
  run(process.execPath, 'check.mjs')
  const changed = copied
    .flatMap((name) => (name.includes('.') ? [name] : filesBelow(name)))
    .filter(
      (path) => readFileSync(`${root}${path}`, 'utf8') !== readFileSync(join(folder, path), 'utf8'),
    )
  expect(changed.toSorted()).toEqual([...Object.keys(edits), ...written].toSorted())
  expect(changed.filter((path) => !namedFor(what).includes(path))).toEqual([])
})

/** The files that the table of the page names for an addition. */
function namedFor(what: string): string[] {
  const page = readFileSync(`${root}docs/architecture.md`, 'utf8')
  const row = page.split('\n').find((line) => line.startsWith(`| ${what} |`)) ?? ''
  return [...row.matchAll(/`([\w./-]+\/[\w.-]+)`/g)].map(([, path]) => path ?? '')
}
