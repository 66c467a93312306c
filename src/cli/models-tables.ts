// Models as a table, one model in all its fields, and its deployments.
import { type Deployment, type Model, policyOf, usdFromNanoUsd } from '#domain'
import { renderTable, type TableColumn, type TableScreen } from './table.ts'

export function modelTable(models: readonly Model[], screen: TableScreen): string[] {
  const columns: TableColumn[] = [
    { title: 'MODEL', isWhole: true },
    { title: 'SURFACES' },
    { title: 'CONTEXT', align: 'right' },
    { title: 'PROMPT $/M', align: 'right' },
    { title: 'ANSWER $/M', align: 'right' },
    { title: 'SLOTS', align: 'right' },
    { title: 'DEPLOYMENTS' },
  ]
  const rows = models.map((model) => [
    model.isDisabled ? `${model.id} (off)` : model.id,
    model.surfaces.join(','),
    String(model.contextTokens),
    perMillion(model.prices.promptNanoUsd),
    perMillion(model.prices.completionNanoUsd),
    String(slotsOf(model)),
    model.deployments.map(briefly).join(', '),
  ])
  return renderTable(columns, rows, screen)
}

export function modelFields(model: Model): [string, string][] {
  const { prices } = model
  return [
    ['id', model.id],
    ['state', stateText(model)],
    ['aliases', listText(model.aliases)],
    ['owned by', model.ownedBy],
    ['surfaces', listText(model.surfaces)],
    ['capabilities', listText(model.capabilities)],
    ['routing', model.routing],
    ['third parties', policyOf(model).allowThirdParty ? 'allowed' : 'not allowed'],
    ['context', `${model.contextTokens} tokens`],
    ['prompt', `$${perMillion(prices.promptNanoUsd)} per million tokens`],
    ['cached prompt', `$${perMillion(prices.cachedNanoUsd)} per million tokens`],
    ['answer', `$${perMillion(prices.completionNanoUsd)} per million tokens`],
  ]
}

export function deploymentTable(deployments: readonly Deployment[], screen: TableScreen): string[] {
  const columns: TableColumn[] = [
    { title: 'DEPLOYMENT', isWhole: true },
    { title: 'STATE' },
    { title: 'KIND' },
    { title: 'SERVED NAME' },
    { title: 'SLOTS', align: 'right' },
    { title: 'WEIGHT', align: 'right' },
    { title: 'OWNER', isWhole: true },
    { title: 'DEADLINES', mayGo: true },
    { title: 'GPU', isWhole: true, mayGo: true },
    { title: 'OPTIONS' },
  ]
  const rows = deployments.map((one) => [
    one.id,
    stateText(one),
    one.kind,
    one.servedName,
    String(one.slots),
    String(one.weight),
    one.isThirdParty ? 'third party' : 'own',
    deadlinesOf(one),
    one.gpu === null
      ? '-'
      : `${one.gpu.count} × ${one.gpu.type} at $${usdFromNanoUsd(one.gpu.nanoUsdPerSecond)}/s`,
    JSON.stringify(one.options),
  ])
  return renderTable(columns, rows, screen)
}

function briefly({ id, kind, isDisabled }: Deployment): string {
  return `${id} (${isDisabled ? 'off' : kind})`
}

/** Its own; those that are not here are the configured ones. */
function deadlinesOf({ firstByteMs, orphanHoldMs, warmForMs }: Deployment): string {
  const own = Object.entries({ firstByteMs, orphanHoldMs, warmForMs }).flatMap(([name, valueMs]) =>
    valueMs === null ? [] : [`${name} ${valueMs}`],
  )
  return listText(own)
}

/** The slots of a model's deployments together, without those that are switched off. */
function slotsOf({ deployments }: Model): number {
  const on = deployments.filter(({ isDisabled }) => !isDisabled)
  return on.reduce((sum, { slots }) => sum + slots, 0)
}

function stateText({ isDisabled }: { isDisabled: boolean }): string {
  return isDisabled ? 'disabled' : 'enabled'
}

function listText(items: readonly string[]): string {
  return items.length === 0 ? '-' : items.join(', ')
}

function perMillion(nanoUsd: number): string {
  return String(nanoUsd / 1000)
}
