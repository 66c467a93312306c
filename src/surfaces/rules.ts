// What a parameter may be, as data: one line per field, the same checks for every surface. A field
// may be absent or null (SDKs send both); anything else must pass, or a 400 names the field.
import { type CallBody, Fault } from '#domain'
import { isJsonObject } from '#wire'
import type { ReadBody } from './read-body.ts'

export interface Rule {
  field: string
  expected: string
  passes(value: unknown): boolean
  /** For what a number cannot hold: looks at the value as it was written. */
  passesAsWritten?(text: string): boolean
}

export function checkRules({ value, body }: ReadBody, rules: readonly Rule[]): void {
  for (const rule of rules) {
    const given = value[rule.field]
    if (given === undefined || given === null) continue
    if (rule.passes(given) && rule.passesAsWritten?.(writtenIn(body, rule.field)) !== false)
      continue
    throw invalid(rule.field, `Invalid value for '${rule.field}': expected ${rule.expected}.`)
  }
}

function writtenIn({ text, members }: CallBody, field: string): string {
  const member = members.find(({ name }) => name === field)
  return member === undefined ? '' : text.slice(member.valueStart, member.end)
}

export function number(field: string, min: number, max: number): Rule {
  return {
    field,
    expected: `a number between ${min} and ${max}`,
    passes: (v) => typeof v === 'number' && Number.isFinite(v) && v >= min && v <= max,
  }
}

export function integer(field: string, min: number, max = Number.MAX_SAFE_INTEGER): Rule {
  const bound = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `between ${min} and ${max}`
  return {
    field,
    expected: `an integer ${bound}`,
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
