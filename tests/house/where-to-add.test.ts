// The table «Where do I add…» of docs/architecture.md names files that exist.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { filesBelow, root } from './source-files.ts'

interface Row {
  what: string
  paths: string[]
}

function rowsOf(page: string): Row[] {
  const [, section = ''] = page.split('## Where do I add…\n')
  const [, table = ''] = section.split('|---|---|---|\n')
  return table
    .slice(0, table.indexOf('\n\n'))
    .split('\n')
    .map((line) => {
      const [, what = ''] = line.split(' | ', 1).join().split('| ')
      return {
        what,
        paths: [...line.matchAll(/`([^`\s]+\.[a-z]+)`/g)].map(([, path = '']) => path),
      }
    })
}

/** Paths that no file has. `<kind>` stands for the name of any file or folder. */
function missing({ paths }: Row, files: readonly string[]): string[] {
  return paths.filter((path) => {
    const parts = path.split(/<[a-z]+>/).map((part) => part.replaceAll('.', '\\.'))
    const pattern = new RegExp(`^${parts.join('[^/]+')}$`)
    return !files.some((file) => pattern.test(file))
  })
}

const files = [
  'README.md',
  ...['src', 'tests', 'docs', 'scripts', 'configs'].flatMap((folder) => filesBelow(folder)),
]
const rows = rowsOf(readFileSync(`${root}docs/architecture.md`, 'utf8'))

test.each(rows)('to add $what, there are the files that are named', (row) => {
  expect(row.paths.length).toBeGreaterThan(1)
  expect(missing(row, files)).toEqual([])
})

test('the table tells where each of these is added', () => {
  const asked =
    'setting,limit,retry rule,upstream kind,dialect,fault,metric,command,fault of the simulator,migration'
  const told = rows.map(({ what }) => what.replace(/^an? /, '').replace(/ of clients.*/, ''))
  expect(asked.split(',').filter((what) => !told.includes(what))).toEqual([])
})

describe('the rule sees', () => {
  const page = (cells: string) =>
    `# A\n\n## Where do I add…\n\n| what | change | then |\n|---|---|---|\n${cells}\n\n## B\n`
  const look = (cells: string) =>
    rowsOf(page(cells)).flatMap((row) => missing(row, ['src/a/b.ts', 'docs/c.md']))

  test('a file that is gone', () => {
    expect(look('| a thing | `src/a/b.ts`, `src/a/gone.ts` | `docs/gone.md` |')).toEqual([
      'src/a/gone.ts',
      'docs/gone.md',
    ])
  })

  test('a pattern that no file fits', () => {
    expect(look('| a thing | `src/<room>/c.ts`, `src/<room>/b.ts` | `docs/c.md` |')).toEqual([
      'src/<room>/c.ts',
    ])
  })

  test('rows apart', () => {
    const cells = '| a thing | `src/a/b.ts` | |\n| another | `src/x.ts` | |'
    expect(rowsOf(page(cells)).map(({ what }) => what)).toEqual(['a thing', 'another'])
  })
})
