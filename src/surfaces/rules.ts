// What a parameter may be, as data: one line per field, the same checks for every surface. A field
// may be absent or null (SDKs send both); anything else must pass, or a 400 names the field.
import { Fault, type JsonMember } from '#domain'
import { isJsonObject } from '#wire'
import type { ReadBody } from './read-body.ts'

export interface Rule {
  field: string
  expected: string
  /** A closer text for the value that was given. */
  expectedFor?(value: unknown): string
  passes(value: unknown): boolean
  /** Checks the value's own text: a number may not hold all of its digits. */
  passesAsWritten?(text: string): boolean
}

/**
 * Checks a body against all rules. It goes through the members of the body, which are few. Where
 * several are wrong, the fault names the one whose rule comes first.
 */
export function checkOf(rules: readonly Rule[]): (read: ReadBody) => void {
  const byField = new Map(rules.map((rule) => [rule.field, rule]))
  return ({ value, text, members }) => {
    let broken: Rule | undefined
    for (const member of members) {
      const rule = byField.get(member.name)
      if (rule === undefined || allows(rule, value[member.name], text, member)) continue
      if (broken === undefined || rules.indexOf(rule) < rules.indexOf(broken)) broken = rule
    }
    if (broken === undefined) return
    const { field } = broken
    const expected = broken.expectedFor?.(value[field]) ?? broken.expected
    throw invalid(field, `Invalid value for '${field}': expected ${expected}.`)
  }
}

function allows(rule: Rule, given: unknown, text: string, member: JsonMember): boolean {
  if (given === undefined || given === null) return true
  if (!rule.passes(given)) return false
  if (rule.passesAsWritten === undefined) return true
  return rule.passesAsWritten(text.slice(member.valueStart, member.end))
}

export function number(field: string, min: number, max: number): Rule {
  return {
    field,
    expected: `a number between ${min} and ${max}`,
    passes: (v) => typeof v === 'number' && Number.isFinite(v) && v >= min && v <= max,
  }
}

/** The upper bound of all safe integers is only named to a client that exceeded it. */
export function integer(field: string, min: number, max = Number.MAX_SAFE_INTEGER): Rule {
  const isBounded = max !== Number.MAX_SAFE_INTEGER
  const expected = `an integer ${isBounded ? `between ${min} and ${max}` : `of at least ${min}`}`
  const isTooLarge = (v: unknown) => typeof v === 'number' && v > max
  return {
    field,
    expected,
    expectedFor: (v) => (!isBounded && isTooLarge(v) ? `an integer of at most ${max}` : expected),
    passes: (v) => typeof v === 'number' && Number.isInteger(v) && v >= min && v <= max,
  }
}

/** An integer that needs more bits than a number has. */
export function int64(field: string): Rule {
  return {
    field,
    expected: 'an integer of at most 64 bits, written in digits',
    passes: (v) => typeof v === 'number',
    passesAsWritten: isInt64,
  }
}

function isInt64(text: string): boolean {
  if (!/^-?\d{1,19}$/.test(text)) return false
  return BigInt.asIntN(64, BigInt(text)) === BigInt(text)
}

export function boolean(field: string): Rule {
  return { field, expected: 'true or false', passes: (v) => typeof v === 'boolean' }
}

export function object(field: string): Rule {
  return { field, expected: 'an object', passes: isJsonObject }
}

export function array(field: string): Rule {
  return { field, expected: 'an array', passes: Array.isArray }
}

export function text(field: string): Rule {
  return { field, expected: 'a string', passes: (v) => typeof v === 'string' }
}

/** A member that is not offered: it may only be absent or null. */
export function refused(field: string): Rule {
  return { field, expected: 'null, because it is not offered here', passes: () => false }
}

export function rule(field: string, expected: string, passes: Rule['passes']): Rule {
  return { field, expected, passes }
}

export function invalid(param: string, message: string): Fault {
  return new Fault('bad_request', { message, param })
}
