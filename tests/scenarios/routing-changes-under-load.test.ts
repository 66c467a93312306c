// An operator changes policy, weights, slots and deadlines of a model that is in use: no call is
// lost, and what was changed holds for those that wait.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { storageOptions } from '#src/storage/index.ts'
import { callRows } from '../support/ledger-rows.ts'
import { commandsOver } from '../support/run-commands.ts'
import { goodAnswer, startUpstream } from '../support/scripted-upstream.ts'
import { chat, startTestGateway } from '../support/test-gateway.ts'
import { until } from '../support/until.ts'

interface Terms {
  routing: string
  deployments: Record<string, unknown>[]
}

/* biome-ignore format: a table reads as a table */
const changes: Terms[] = [
  { routing: 'order',      deployments: [{ slots: 1 }, { slots: 1 }] },
  { routing: 'weighted',   deployments: [{ slots: 8, weight: 3 }, { slots: 8, weight: 1 }] },
  { routing: 'weighted',   deployments: [{ slots: 8, weight: 0 }, { slots: 8 }] },
  { routing: 'least-busy', deployments: [{ slots: 2, firstByteMs: 20_000 }, { slots: 64, orphanHoldMs: 5 }] },
  { routing: 'order',      deployments: [{ slots: 64, warmForMs: 1 }] },
  { routing: 'order',      deployments: [{ slots: 4 }, { slots: 64 }] },
]

function modelOf({ routing, deployments }: Terms, urls: readonly string[]) {
  return {
    id: 'test-model',
    surfaces: ['openai-chat'],
    contextTokens: 4096,
    prices: { prompt: 2, completion: 6 },
    routing,
    deployments: deployments.map((terms, at) => ({
      id: `deployment-${at}`,
      kind: 'openai-compatible',
      servedName: 'served/model',
      options: { baseUrl: urls[at] },
      ...terms,
    })),
  }
}

test('a change of policy, weight, slots or deadlines loses no call', async () => {
  await using first = await startUpstream(goodAnswer)
  await using second = await startUpstream(goodAnswer)
  const urls = [first.url, second.url]
  const models = changes.slice(0, 1).map((terms) => modelOf(terms, urls))
  await using gateway = await startTestGateway({ baseUrl: first.url, models })
  const command = commandsOver(storageOptions.parse({ path: join(gateway.folder, 'podgate.db') }))
  const statuses: number[] = []
  let isOver = false
  const caller = async (stream: boolean) => {
    while (!isOver) {
      const response = await gateway.post(chat({ stream }))
      const isGood = !(await response.text()).includes('"error"')
      statuses.push(isGood ? response.status : 599)
    }
  }
  const callers = Array.from({ length: 12 }, (_, at) => caller(at % 2 === 0))
  const path = join(gateway.folder, 'models.json')
  for (const terms of [...changes, ...changes]) {
    writeFileSync(path, JSON.stringify({ models: [modelOf(terms, urls)] }))
    expect(await command('models', 'apply', path, '--force')).toMatchObject({ code: 0 })
    const before = statuses.length
    await until('calls go on', async () => statuses.length > before + 40)
  }
  isOver = true
  await Promise.all(callers)
  expect(new Set(statuses)).toEqual(new Set([200]))
  const deployments = new Set(callRows(gateway.ledgerPath).map(({ deployment }) => deployment))
  expect(deployments).toEqual(new Set(['deployment-0', 'deployment-1']))
})
