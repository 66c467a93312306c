// The parts of a message's content, by list. A part is known by its `type`, and brings its content
// in the one member of that name: a server that looks at members instead must not find media there
// that we did not look at. What a model must declare or allow for a part becomes a demand; a part
// or a media member that is on no list is refused. Other members (`cache_control`) pass.
import type { Capability, Demand } from '#domain'
import { isJsonObject } from '#wire'
import { invalid } from '../rules.ts'

interface PartKind {
  /** What its model must declare. */
  needs?: Capability
  /** Its content may be named by URL. */
  isUrl?: true
  /**
   * Tensors instead of media. A server takes them only from those it trusts: of a wrong shape, they
   * can end it.
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

/** Members that a server takes for media, whatever the part calls itself. */
const mediaMembers = [...kinds.keys()]
  .map(String)
  .filter((name) => name !== 'text' && name !== 'refusal')

/** Adds what the parts want of their model. Throws for a part that no model takes. */
export function readParts(parts: readonly unknown[], message: number, demands: Demand[]): void {
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at]
    if (typeof part === 'string') continue
    const place = `messages[${message}].content[${at}]`
    const kind = isJsonObject(part) ? kinds.get(part.type) : undefined
    if (!isJsonObject(part) || kind === undefined) throw unknownPart(place)
    for (const name of mediaMembers) {
      if (name !== part.type && (part[name] ?? null) !== null) throw misplaced(place, name)
    }
    const { needs, isUrl, isTrusted } = kind
    const name = String(part.type)
    const given = part[name] ?? null
    const param = given === null ? place : `${place}.${name}`
    if (needs !== undefined) addOnce(demands, { wants: 'capability', param: place, needs })
    if (isTrusted) addOnce(demands, { wants: 'trusted-media', param })
    if (isUrl && given !== null && mustBeFetched(given, param)) {
      addOnce(demands, { wants: 'remote-media', param })
    }
    // A server gives whoever names a `uuid` the media that it cached under it.
    if ((part.uuid ?? null) !== null) {
      addOnce(demands, { wants: 'trusted-media', param: `${place}.uuid` })
    }
  }
}

/** A model refuses the first of its kind or none: more of them are not kept. */
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
  // Files of the server, and whatever else its libraries can open.
  throw invalid(param, `'${param}' must be a data: URL.`)
}

function unknownPart(param: string) {
  const types = [...kinds.keys()].join(', ')
  return invalid(param, `'${param}' must be a string or an object of one of the types: ${types}.`)
}

function misplaced(param: string, name: string) {
  return invalid(param, `'${param}' holds '${name}', which belongs in a part of that type.`)
}
