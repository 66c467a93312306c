// OpenAI's error envelope: `{"error":{message,type,param,code}}`, all four always there, the code a
// string or null. Clients of every OpenAI route read it, so every OpenAI surface writes it here.
import type { Fault } from '#domain'

export function errorEnvelope(fault: Fault, param = fault.param): string {
  const { type, code } = fault.rule
  return JSON.stringify({ error: { message: fault.message, type, param, code } })
}
