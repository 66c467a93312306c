// Writes generated bodies for Python to read: what we made of each, as lines of JSON. The bytes of
// those that we refuse go nowhere, and so only the refusal is written.
import { writeFileSync } from 'node:fs'
import { type Call, type CallFacts, Fault, type JsonObject, policyOf } from '#src/domain/index.ts'
import { type Surface, surfaces } from '#src/surfaces/index.ts'
import { readBody } from '#src/surfaces/read-body.ts'
import { sampleKey, sampleRates } from '../support/chat-call.ts'
import { type GeneratedBody, generatedBodies } from '../support/generated-bodies.ts'
import { atOnce } from '../support/pieces.ts'

const target = { dialect: 'vllm', servedName: 'served/model' }

export function writeBodies(path: string, count: number): void {
  const lines = [...generatedBodies(12, count)].map((body) => JSON.stringify(outcomeOf(body)))
  writeFileSync(path, lines.join('\n'))
}

export function outcomeOf({ surface: name, bytes }: GeneratedBody): JsonObject {
  const surface = surfaces.find((one) => one.name === name)
  if (surface === undefined) throw new Error(`there is no surface ${name}`)
  try {
    const facts = atOnce(surface.read(bytes))
    const upstream = surface.toUpstream(callWith(facts, surface), target).body
    const { value } = atOnce(readBody(bytes))
    return {
      sent: bytes.toString('base64'),
      upstream: upstream.toString('base64'),
      reading: tagged(value),
      removed: removedFrom(value, surface),
      set: setIn(value, surface),
    }
  } catch (cause) {
    if (cause instanceof Fault && cause.rule.status === 400) return { refused: cause.message }
    throw cause
  }
}

function callWith(facts: CallFacts, { name: surface }: Surface): Call {
  return {
    ...facts,
    id: 'req_1',
    clientRequestId: null,
    surface: surface as Call['surface'], // every surface's name is one
    key: sampleKey,
    rates: sampleRates,
    receivedAtMs: 1_700_000_000_000,
    receivedTicksMs: 0,
    deadlineTicksMs: 600_000,
    keepAliveMs: 10_000,
    waitMaxMs: null,
  }
}

/** By the surface's table: what no tenant sends on, and null where it is as good as absent. */
function removedFrom(value: JsonObject, { fields }: Surface): string[] {
  const policy = policyOf({})
  const checked = new Set(fields.checked.map(({ field }) => field))
  const byModel = fields.byModel.filter(({ passes }) => !passes(policy)).map(({ field }) => field)
  return Object.keys(value).filter(
    (name) =>
      name === 'stream_options' ||
      fields.stripped.has(name) ||
      byModel.includes(name) ||
      (value[name] === null && checked.has(name)),
  )
}

function setIn(value: JsonObject, { name, fields }: Surface): Record<string, string> {
  const isStream = value.stream === true && name !== 'embeddings'
  const needsBound = name === 'openai-completions' && (value.max_tokens ?? null) === null
  return {
    model: JSON.stringify(target.servedName),
    ...(isStream ? fields.forced[target.dialect] : {}),
    ...(needsBound ? { max_tokens: String(policyOf({}).completionTokens) } : {}),
  }
}

/** In a form that keeps apart what Python or JSON would not: -0, infinity, names such as `__proto__`. */
function tagged(value: unknown): unknown {
  if (typeof value === 'number') return { n: Object.is(value, -0) ? '-0' : String(value) }
  if (Array.isArray(value)) return value.map(tagged)
  if (typeof value !== 'object' || value === null) return value
  return { o: Object.entries(value).map(([name, one]) => [name, tagged(one)]) }
}
