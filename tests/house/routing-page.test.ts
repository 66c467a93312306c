// docs/routing.md tells every option of the room, with its default and in the same words.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { describeOptions } from '#src/config/index.ts'
import { routingOptions } from '#src/routing/index.ts'
import { root } from './source-files.ts'

test('docs/routing.md lists the options that there are', () => {
  const page = readFileSync(`${root}docs/routing.md`, 'utf8')
  const rows = describeOptions(routingOptions).map(
    ({ path, default: usual, description }) => `| \`${path}\` | \`${usual}\` | ${description} |`,
  )
  const [, table = ''] = page.split('| option | default | meaning |\n|---|---|---|\n')
  expect(table.split('\n\n')[0]?.split('\n')).toEqual(rows)
})
