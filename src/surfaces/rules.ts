// What a parameter may be, as data: one line per field, the same checks for every surface. A field
// may be absent or null (SDKs send both); anything else must pass, or a 400 names the field.
import { Fault, type JsonObject } from '#domain'
import { isJsonObject } from '#wire'

export interface Rule {
  field: string
  expected: string
  passes(value: unknown): boolean
}

export function checkRules(value: JsonObject, rules: readonly Rule[]): void {
  for (const rule of rules) {
    const given = value[rule.field]
    if (given === undefined || given === null || rule.passes(given)) continue
    throw invalid(rule.field, `Invalid value for '${rule.field}': expected ${rule.expected}.`)
  }
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
