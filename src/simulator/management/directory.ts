// The endpoints of an account as the management API knows them: their fields, when they were made
// and what was released since. Creating, changing and removing act on the simulated endpoints.
import type { Account } from '../contract.ts'
import { type EndpointFields, readChange, readCreation } from './endpoint-fields.ts'
import { notFound, Problem } from './problem.ts'
import { fieldsOf, optionsOf } from './simulated-endpoint.ts'

interface Release {
  version: number
  createdAt: string
  /** What differs from the release before. */
  diff: { field: string; from: unknown; to: unknown }[]
}

export interface Listed {
  readonly id: string
  readonly createdAt: string
  fields: EndpointFields
  /** The newest last. */
  releases: Release[]
}

export interface Directory {
  list(): Listed[]
  find(id: string): Listed
  /** Empty where there is no such endpoint any more. */
  imageOf(id: string): string
  create(body: unknown): Listed
  change(id: string, body: unknown): Listed
  remove(id: string): void
}

const endpointsMax = 1000
const releasesMax = 100
/** A change of one of these reaches workers only by starting them anew. */
const inContainer = [
  'image',
  'args',
  'disk',
  'env',
  'ports',
  'registry',
  'gpu',
  'dataCenterIds',
  'networkVolumes',
  'flashboot',
] as const

export function openDirectory(account: Account): Directory {
  const { clock, options } = account
  const chance = account.chanceOf('endpoint ids')
  const listed = new Map<string, Listed>()
  const now = () => new Date(clock.nowMs()).toISOString()
  const startedAt = now()

  function enter(id: string, fields: EndpointFields, createdAt: string): Listed {
    const releases = [{ version: 1, createdAt, diff: [] }]
    const entry = { id, createdAt, fields, releases }
    listed.set(id, entry)
    return entry
  }

  for (const [id, { model, settings }] of account.endpoints) {
    enter(id, fieldsOf(id, model, settings()), startedAt)
  }

  function find(id: string): Listed {
    const entry = listed.get(id)
    if (entry === undefined) throw notFound('serverless endpoint')
    return lowered(entry)
  }

  /** In quiet days the platform lowers the most workers, and raises them never again. */
  function lowered(entry: Listed): Listed {
    const { workers } = entry.fields
    const max = account.endpoints.get(entry.id)?.fleet?.workersMax() ?? workers.max
    if (max < workers.max) {
      const min = Math.min(workers.min, max)
      entry.fields = { ...entry.fields, workers: { ...workers, min, max } }
    }
    return entry
  }

  return {
    list: () => [...listed.values()].map(lowered),
    find,
    imageOf: (id) => listed.get(id)?.fields.image ?? '',
    create(body) {
      if (listed.size >= endpointsMax) throw new Problem(400, 'Too many endpoints.')
      const fields = readCreation(body)
      const id = Array.from({ length: 14 }, () => chance.below(36).toString(36)).join('')
      account.addEndpoint(id, optionsOf(fields, null, options))
      return enter(id, fields, now())
    },
    change(id, body) {
      const entry = find(id)
      const endpoint = account.endpoints.get(id)
      const fields = readChange(body, entry.fields)
      const diff = inContainer
        .filter((field) => JSON.stringify(entry.fields[field]) !== JSON.stringify(fields[field]))
        .map((field) => ({ field, from: entry.fields[field], to: fields[field] }))
      entry.fields = fields
      if (diff.length > 0) {
        const version = (entry.releases.at(-1)?.version ?? 0) + 1
        entry.releases.push({ version, createdAt: now(), diff })
        if (entry.releases.length > releasesMax) entry.releases.shift()
      }
      endpoint?.change(optionsOf(fields, endpoint.model, options), diff.length > 0)
      return entry
    },
    remove(id) {
      find(id)
      account.removeEndpoint(id)
      listed.delete(id)
    },
  }
}
