// OpenAI's error envelope: `{"error":{message,type,param,code}}`. All four are always there; the
// code is a string or null. Every OpenAI surface writes its errors with this.
import type { Fault } from '#domain'

export function errorEnvelope(fault: Fault, param = fault.param): string {
  const { type, code } = fault.rule
  return JSON.stringify({ error: { message: fault.message, type, param, code } })
}
