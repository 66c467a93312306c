// What is put right in an answer, as data: one rule per member. An object that needs no change,
// which is usual, keeps its text. In any other, only the members that a rule names change.
import type { JsonMember, JsonObject } from '#domain'
import { arrayItems, isJsonObject, type JsonChanges, spliceMembers, topLevelMembers } from '#wire'

export interface AnswerRule {
  member: string
  /** What happens to the member, for docs/api.md. */
  does: string
  applies(object: JsonObject): boolean
  /** The member's new text; null leaves it out. Only called where the rule applies. */
  change(object: JsonObject, text: string): string | null
  /** The rules for what the member holds. */
  within?: readonly AnswerRule[]
}

const nothing: JsonChanges = new Map()

/** The object's text after all rules: the same text where none applies. */
export function mend(text: string, object: JsonObject, rules: readonly AnswerRule[]): string {
  return needsMending(object, rules) ? rewrite(text, object, rules, nothing) : text
}

/** The same, with changes (`always`) that are made whatever the object holds. */
export function rewrite(
  text: string,
  object: JsonObject,
  rules: readonly AnswerRule[],
  always: JsonChanges,
): string {
  const written = topLevelMembers(text)
  const isTwice = written.length > Object.keys(object).length
  const once = isTwice ? withoutRepeats(text, written) : text
  const members = isTwice ? topLevelMembers(once) : written
  const changes = new Map(always)
  for (const rule of rules) {
    if (!rule.applies(object)) continue
    const member = members.find(({ name }) => name === rule.member)
    const given = member === undefined ? '' : once.slice(member.valueStart, member.end)
    changes.set(rule.member, rule.change(object, given))
  }
  return spliceMembers(once, members, changes)
}

/**
 * Keeps the last of the members that share a name: it is the one that was parsed and judged. The
 * others were not, so they must not reach a client.
 */
function withoutRepeats(text: string, members: readonly JsonMember[]): string {
  const last = new Map(members.map((member) => [member.name, member]))
  const kept = [...last.values()].map(({ start, end }) => text.slice(start, end))
  return `{${kept.join(',')}}`
}

export function needsMending(object: JsonObject, rules: readonly AnswerRule[]): boolean {
  for (const rule of rules) if (rule.applies(object)) return true
  return false
}

export function dropped(member: string): AnswerRule {
  return leftOut(member, 'left out', (object) => object[member] !== undefined)
}

/** For members that OpenAI leaves out instead of sending null. */
export function droppedWhenNull(member: string): AnswerRule {
  return leftOut(member, 'left out where null', (object) => object[member] === null)
}

/** For members that are of no use unless they have the right type. */
export function droppedWhenUnreadable(
  member: string,
  isReadable: (value: unknown) => boolean,
): AnswerRule {
  const applies = (object: JsonObject) =>
    object[member] !== undefined && !isReadable(object[member])
  return leftOut(member, 'left out where it cannot be read', applies)
}

function leftOut(member: string, does: string, applies: AnswerRule['applies']): AnswerRule {
  return { member, does, applies, change: () => null }
}

/** For members that OpenAI always shows. */
export function nullWhenMissing(member: string): AnswerRule {
  const applies = (object: JsonObject) => object[member] === undefined
  return { member, does: 'null where missing', applies, change: () => 'null' }
}

/** For members that every answer of the dialect has; `text` is JSON. */
export function filledWhenMissing(member: string, text: string): AnswerRule {
  const applies = (object: JsonObject) => (object[member] ?? null) === null
  return { member, does: 'filled in where missing', applies, change: () => text }
}

/** For members that are the same in every part of an answer. */
export function pinned(member: string, value: string | number): AnswerRule {
  return {
    member,
    does: `always \`${value}\``,
    applies: (object) => object[member] !== value,
    change: () => JSON.stringify(value),
  }
}

/** Moves a count to the name that OpenAI gives it. */
export function renamed(from: string, to: string): AnswerRule[] {
  const added: AnswerRule = {
    member: to,
    does: `\`${from}\` by its own name`,
    applies: (object) => typeof object[from] === 'number' && object[to] === undefined,
    change: (object) => JSON.stringify(object[from]),
  }
  return [dropped(from), added]
}

export function inside(member: string, within: readonly AnswerRule[]): AnswerRule {
  return {
    member,
    does: 'put right inside',
    applies: (object) => isJsonObject(object[member]) && needsMending(object[member], within),
    change: (object, text) => mendInner(text, object[member], within),
    within,
  }
}

export function eachOf(member: string, within: readonly AnswerRule[]): AnswerRule {
  const needs = (item: unknown) => isJsonObject(item) && needsMending(item, within)
  return {
    member,
    does: 'each put right',
    applies: (object) => Array.isArray(object[member]) && object[member].some(needs),
    change(object, text) {
      const values = Array.isArray(object[member]) ? object[member] : []
      const items = arrayItems(text).map((item, at) => mendInner(item, values[at], within))
      return `[${items.join(',')}]`
    },
    within,
  }
}

/** Two rules for one member: the first one that applies. */
export function either(first: AnswerRule, second: AnswerRule): AnswerRule {
  return {
    ...second,
    does: `${first.does}, else ${second.does}`,
    applies: (object) => first.applies(object) || second.applies(object),
    change: (object, text) => (first.applies(object) ? first : second).change(object, text),
  }
}

function mendInner(text: string, value: unknown, rules: readonly AnswerRule[]): string {
  return isJsonObject(value) ? mend(text, value, rules) : text
}
