// What applying a file would change, field by field and in the file's own units. The position of a
// model in the file is a field too: `GET /v1/models` lists the models in that order.
import { type Model, usdFromNanoUsd } from '#domain'
import type { ModelEntry } from './models-schema.ts'

interface FieldChange {
  field: string
  /** null: the field was not there. */
  from: string | null
  to: string | null
}

export interface ModelsDiff {
  added: readonly string[]
  changed: readonly { id: string; changes: readonly FieldChange[] }[]
  removed: readonly string[]
}

export function diffOf(before: readonly Model[], after: readonly ModelEntry[]): ModelsDiff {
  const afterIds = new Set(after.map((entry) => entry.id))
  const moved = movedBetween(before, after)
  const added: string[] = []
  const changed: { id: string; changes: FieldChange[] }[] = []
  for (const entry of after) {
    const known = before.find((model) => model.id === entry.id)
    if (known === undefined) {
      added.push(entry.id)
      continue
    }
    const changes = [
      ...changesBetween(fieldsOf(known), fieldsOf(entry)),
      ...(moved.has(entry.id) ? [positionChange(entry.id, before, after)] : []),
    ]
    if (changes.length > 0) changed.push({ id: entry.id, changes })
  }
  const removed = before.map((model) => model.id).filter((id) => !afterIds.has(id))
  return { added, changed, removed }
}

type Listed = readonly { id: string }[]

/** Models that stay but change their order. Others that come or go move no model. */
function movedBetween(before: Listed, after: Listed): Set<string> {
  const idsOf = (some: Listed, others: Listed) =>
    some.map(({ id }) => id).filter((id) => others.some((other) => other.id === id))
  const [from, to] = [idsOf(before, after), idsOf(after, before)]
  return new Set(to.filter((id, index) => from[index] !== id))
}

function positionChange(id: string, before: Listed, after: Listed): FieldChange {
  const positionIn = (list: Listed) => String(list.findIndex((one) => one.id === id) + 1)
  return { field: 'place', from: positionIn(before), to: positionIn(after) }
}

function changesBetween(from: Map<string, string>, to: Map<string, string>): FieldChange[] {
  const fields = [...new Set([...from.keys(), ...to.keys()])]
  return fields
    .map((field) => ({ field, from: from.get(field) ?? null, to: to.get(field) ?? null }))
    .filter((change) => change.from !== change.to)
}

function fieldsOf(model: ModelEntry): Map<string, string> {
  const fields = new Map([
    ['ownedBy', model.ownedBy],
    ['contextTokens', String(model.contextTokens)],
    ['routing', model.routing],
    ['prices.prompt', perMillion(model.prices.promptNanoUsd)],
    ['prices.completion', perMillion(model.prices.completionNanoUsd)],
    ['prices.cached', perMillion(model.prices.cachedNanoUsd)],
  ])
  const lists = {
    aliases: model.aliases,
    surfaces: model.surfaces,
    capabilities: model.capabilities,
    deployments: model.deployments.map((deployment) => deployment.id),
  }
  for (const [name, list] of Object.entries(lists)) {
    if (list.length > 0) fields.set(name, list.join(', '))
  }
  for (const [name, value] of Object.entries(model.policy ?? {})) {
    fields.set(`policy.${name}`, JSON.stringify(value))
  }
  for (const deployment of model.deployments) {
    for (const [name, value] of deploymentFields(deployment)) {
      fields.set(`deployments.${deployment.id}.${name}`, value)
    }
  }
  return fields
}

function deploymentFields(deployment: ModelEntry['deployments'][number]): Map<string, string> {
  const { gpu, firstByteMs, orphanHoldMs, warmForMs } = deployment
  const fields = new Map([
    ['kind', deployment.kind],
    ['servedName', deployment.servedName],
    ['slots', String(deployment.slots)],
    ['weight', String(deployment.weight)],
    ['thirdParty', String(deployment.isThirdParty)],
  ])
  for (const [name, deadlineMs] of Object.entries({ firstByteMs, orphanHoldMs, warmForMs })) {
    if (deadlineMs !== null) fields.set(name, String(deadlineMs))
  }
  if (gpu !== null) {
    const price = usdFromNanoUsd(gpu.nanoUsdPerSecond)
    fields.set('gpu', `${gpu.count} × ${gpu.type} at $${price}/s`)
  }
  for (const [option, value] of Object.entries(deployment.options)) {
    fields.set(`options.${option}`, JSON.stringify(value))
  }
  return fields
}

function perMillion(nanoUsd: number): string {
  return `$${nanoUsd / 1000} per million`
}
