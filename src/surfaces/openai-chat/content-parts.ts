// Reads the parts of a message's content. The `type` of a part names the one member that holds its
// content. Some servers look at the members instead, so a part must not hold media in any other
// member: we would not have checked them. What a model must declare or allow for a part becomes a
// demand. A type that is not in the table is refused. Other members (`cache_control`) pass.
import type { Capability, Demand } from '#domain'
import { isJsonObject } from '#wire'
import { invalid } from '../rules.ts'

interface PartKind {
  /** What its model must declare. */
  needs?: Capability
  /** Its content may be a URL. */
  isUrl?: true
  /**
   * Tensors instead of media. A server must trust whoever sends them: tensors of a wrong shape can
   * crash it.
   */
  isTrusted?: true
}

const kinds: ReadonlyMap<unknown, PartKind> = new Map<string, PartKind>([
  ['text', {}],
  ['refusal', {}],
  ['image_url', { needs: 'vision', isUrl: true }],
  ['video_url', { needs: 'vision', isUrl: true }],
  ['input_audio', { needs: 'audio' }],
  ['audio_url', { needs: 'audio', isUrl: true }],
  ['image_embeds', { isTrusted: true }],
  ['audio_embeds', { isTrusted: true }],
  ['video_embeds', { isTrusted: true }],
  ['prompt_embeds', { isTrusted: true }],
  ['image_pil', { isTrusted: true }],
])

/** Members that a server reads as media, whatever the part's `type` says. */
const mediaMembers = [...kinds.keys()]
  .map(String)
  .filter((name) => name !== 'text' && name !== 'refusal')

/** Adds what the parts need of their model to `demands`. Throws for a part that no model takes. */
export function readParts(parts: readonly unknown[], message: number, demands: Demand[]): void {
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at]
    if (typeof part === 'string') continue
    const path = `messages[${message}].content[${at}]`
    const kind = isJsonObject(part) ? kinds.get(part.type) : undefined
    if (!isJsonObject(part) || kind === undefined) throw unknownPart(path)
    for (const name of mediaMembers) {
      if (name !== part.type && (part[name] ?? null) !== null) throw misplaced(path, name)
    }
    const { needs, isUrl, isTrusted } = kind
    const name = String(part.type)
    const given = part[name] ?? null
    const param = given === null ? path : `${path}.${name}`
    if (needs !== undefined) addOnce(demands, { wants: 'capability', param: path, needs })
    if (isTrusted) addOnce(demands, { wants: 'trusted-media', param })
    if (isUrl && given !== null && mustBeFetched(given, param)) {
      addOnce(demands, { wants: 'remote-media', param })
    }
    // A server caches media by `uuid` and uses them for whoever sends that `uuid`.
    if ((part.uuid ?? null) !== null) {
      addOnce(demands, { wants: 'trusted-media', param: `${path}.uuid` })
    }
  }
}

/** One demand of a kind suffices: a model that refuses it would refuse the others too. */
function addOnce(demands: Demand[], demand: Demand): void {
  const needs = demand.wants === 'capability' ? demand.needs : null
  const isThere = demands.some(
    (one) => one.wants === demand.wants && (one.wants !== 'capability' || one.needs === needs),
  )
  if (!isThere) demands.push(demand)
}

function mustBeFetched(given: unknown, param: string): boolean {
  const url = isJsonObject(given) ? given.url : given
  if (url === undefined || url === null) return false
  if (typeof url !== 'string') throw invalid(param, `'${param}' must hold a URL as a string.`)
  if (/^data:/i.test(url)) return false
  if (/^https?:/i.test(url)) return true
  // With other schemes, a server's libraries would open its own files, and more.
  throw invalid(param, `'${param}' must be a data: URL.`)
}

function unknownPart(param: string) {
  const types = [...kinds.keys()].join(', ')
  return invalid(param, `'${param}' must be a string or an object of one of the types: ${types}.`)
}

function misplaced(param: string, name: string) {
  return invalid(param, `'${param}' holds '${name}', which belongs in a part of that type.`)
}
